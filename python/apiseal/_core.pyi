"""Types of the compiled module. What each call does stands in its docstring: `help(apiseal.FieldCipher.encrypt)`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar, final

from apiseal.errors import ApisealError
from apiseal.records import (
    Claim,
    Diagnosis,
    Event,
    Explanation,
    Lenient,
    Lint,
    Location,
    Migrated,
    Outcome,
    Partial,
    Reencrypted,
    ReplayStore,
    Sighting,
)

__all__ = [
    "Accepted",
    "Acceptor",
    "Context",
    "FieldCipher",
    "Key",
    "Keyring",
    "Limits",
    "Lines",
    "MemoryReplay",
    "NoReplayCheck",
    "Pending",
    "PendingAcceptance",
    "Policy",
    "Profile",
    "Proof",
    "Protected",
    "Protector",
    "Redactor",
    "Reencryption",
    "Signed",
    "Signer",
    "Spool",
    "ValueCipher",
    "Verified",
    "Verifier",
    "__version__",
    "inspect",
    "locate",
    "max_token_len",
    "new_kid",
    "token_len",
]

__version__: Final[str]

_Path: TypeAlias = str | PathLike[str]
_Secret: TypeAlias = str | bytes
_Content: TypeAlias = bytes | bytearray | memoryview
_Document = TypeVar("_Document", bytes, str, dict[str, Any], list[Any])
_AnyDocument: TypeAlias = _Content | str | dict[str, Any] | list[Any]
_Context: TypeAlias = Context | Mapping[str, str]
_Policy: TypeAlias = Policy | dict[str, Any] | _Path
_Clock: TypeAlias = Callable[[], float]
_Audit: TypeAlias = Callable[[Event], object]
_Padding: TypeAlias = Literal["default", "none"] | int
_Purpose: TypeAlias = Literal["seal", "sig"] | str
_Header: TypeAlias = tuple[str | bytes, str | bytes]
_Headers: TypeAlias = Mapping[str, str] | Mapping[bytes, bytes] | Iterable[_Header | Sequence[str] | Sequence[bytes]]
_Request: TypeAlias = Signed | Protected | Verified
_Decoder: TypeAlias = Callable[[str, bytes, int], bytes | None]

class _Readable(Protocol):
    def read(self, size: int, /) -> bytes | str: ...

class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...

_Lines: TypeAlias = PathLike[str] | _Readable | Iterable[bytes | str | dict[str, Any] | list[Any]]

@final
class Context:
    def __new__(cls, pairs: Mapping[str, str] | None = None, /, **more: str) -> Context: ...
    def __getitem__(self, name: str, /) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def as_dict(self) -> dict[str, str]: ...

@final
class Limits:
    def __new__(
        cls,
        *,
        document: int | None = None,
        field: int | None = None,
        depth: int | None = None,
        fields: int | None = None,
        position: int | None = None,
        bound: int | None = None,
    ) -> Limits: ...
    @property
    def document(self) -> int: ...
    @property
    def field(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def fields(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def bound(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Key:
    @staticmethod
    def generate(kid: str, *, purpose: _Purpose = "seal", suite: str | None = None) -> Key: ...
    @staticmethod
    def import_secret(kid: str, secret: bytes, *, purpose: _Purpose = "seal", suite: str | None = None) -> Key: ...
    @staticmethod
    def hazmat_from_secret(kid: str, secret: bytes, *, purpose: _Purpose = "seal", suite: str | None = None) -> Key: ...
    @staticmethod
    def derived(kid: str, root: Key, context: _Context) -> Key: ...
    @staticmethod
    def raw(kid: str, algorithm: str, secret: bytes) -> Key: ...
    @staticmethod
    def raw_public(kid: str, algorithm: str, public: bytes) -> Key: ...
    @staticmethod
    def from_pem(kid: str, algorithm: str, pem: str) -> Key: ...
    @staticmethod
    def from_jwk(kid: str, algorithm: str, jwk: str) -> Key: ...
    @staticmethod
    def from_jwks(kid: str, algorithm: str, jwks: str, external_keyid: str) -> Key: ...
    def to_jwk(self) -> str | None: ...
    def replace(
        self,
        *,
        state: Literal["active", "decrypt-only", "verify-only", "disabled"] | None = None,
        not_before: int | None = None,
        expires: int | None = None,
        scope: Mapping[str, str] | None = None,
        principal: str | None = None,
        profiles: Sequence[str] | None = None,
        direction: Literal["req", "res"] | None = None,
        external_keyid: str | None = None,
    ) -> Key: ...
    @property
    def kid(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def suite(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def created(self) -> int: ...
    @property
    def not_before(self) -> int | None: ...
    @property
    def expires(self) -> int | None: ...
    @property
    def scope(self) -> dict[str, str]: ...
    @property
    def root(self) -> str | None: ...
    @property
    def principal(self) -> str | None: ...
    @property
    def profiles(self) -> tuple[str, ...]: ...
    @property
    def direction(self) -> str | None: ...
    @property
    def external_keyid(self) -> str | None: ...
    @property
    def is_imported(self) -> bool: ...
    @property
    def public_key(self) -> bytes | None: ...

@final
class Keyring:
    def __new__(
        cls,
        keys: Sequence[Key],
        *,
        primary: Sequence[str] | None = None,
        name: str | None = None,
        rev: int | None = None,
    ) -> Keyring: ...
    @staticmethod
    def generate(suite: str = "aes-256-gcm") -> Keyring: ...
    @staticmethod
    def load(
        path: _Path,
        name: str,
        *,
        passphrase: _Secret | None = None,
        wrapping_key: _Secret | None = None,
        min_rev: int | None = None,
    ) -> Keyring: ...
    @staticmethod
    def open(
        file: bytes,
        name: str,
        *,
        passphrase: _Secret | None = None,
        wrapping_key: _Secret | None = None,
        min_rev: int | None = None,
    ) -> Keyring: ...
    @staticmethod
    def hazmat_load_clear(path: _Path, name: str, *, min_rev: int | None = None) -> Keyring: ...
    def save(
        self,
        path: _Path,
        name: str,
        *,
        passphrase: _Secret | None = None,
        wrapping_key: _Secret | None = None,
        overwrite: bool = False,
    ) -> None: ...
    def seal(self, name: str, *, passphrase: _Secret | None = None, wrapping_key: _Secret | None = None) -> bytes: ...
    def with_key(self, key: Key) -> Keyring: ...
    def promote(self, kid: str) -> Keyring: ...
    def retire(self, kid: str) -> Keyring: ...
    def disable(self, kid: str) -> Keyring: ...
    def replace(self, ring: Keyring) -> None: ...
    def export_context(self, kid: str, context: _Context) -> Key: ...
    def export_message_context(
        self, kid: str, context: _Context, principal: str, direction: Literal["req", "res"]
    ) -> Key: ...
    def key(self, kid: str) -> Key | None: ...
    def expiring(self, now: int, within: int) -> list[tuple[Key, int]]: ...
    @property
    def name(self) -> str | None: ...
    @property
    def rev(self) -> int: ...
    @property
    def keys(self) -> list[Key]: ...
    @property
    def primaries(self) -> list[Key]: ...

@final
class Policy:
    def __new__(cls, source: _Policy) -> Policy: ...
    def lint(self, sample: _AnyDocument | None = None, *, limits: Limits | None = None) -> Lint: ...
    @property
    def id(self) -> str: ...
    @property
    def layout(self) -> str: ...
    @property
    def paths(self) -> list[str]: ...

@final
class FieldCipher:
    def __new__(
        cls,
        keyring: Keyring,
        policy: _Policy,
        *,
        limits: Limits | None = None,
        clock: _Clock | None = None,
        audit: _Audit | None = None,
        hedged_salts: bool = False,
    ) -> FieldCipher: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def policy(self) -> Policy: ...
    def encrypt(self, document: _Document, *, context: _Context) -> _Document: ...
    def decrypt(self, document: _Document, *, context: _Context, decimals: bool = False) -> _Document: ...
    def decrypt_migrating(self, document: _AnyDocument, *, context: _Context, decimals: bool = False) -> Migrated: ...
    def decrypt_lenient(self, document: _AnyDocument, *, context: _Context) -> Lenient: ...
    def decrypt_partial(
        self, document: _AnyDocument, paths: Sequence[str], *, context: _Context, decimals: bool = False
    ) -> Partial: ...
    def diagnose(
        self, document: _AnyDocument, *, context: _Context, candidates: Sequence[_Context] | None = None
    ) -> Diagnosis: ...
    def inspect(self, document: _AnyDocument, *, context: _Context) -> list[Sighting]: ...
    def encrypt_lines(
        self,
        source: _Lines,
        *,
        context: _Context,
        threads: int = 1,
        max_line: int | None = None,
        on_error: Callable[[int, ApisealError], object] | None = None,
    ) -> Lines: ...
    def decrypt_lines(
        self,
        source: _Lines,
        *,
        context: _Context,
        threads: int = 1,
        max_line: int | None = None,
        on_error: Callable[[int, ApisealError], object] | None = None,
        decimals: bool = False,
    ) -> Lines: ...

@final
class Lines:
    def __iter__(self) -> Lines: ...
    def __next__(self) -> Any: ...
    def close(self) -> None: ...
    def __enter__(self) -> Lines: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

@final
class ValueCipher:
    def __new__(
        cls,
        keyring: Keyring,
        label: str,
        *,
        keys: Sequence[str] | None = None,
        any_key: bool = False,
        padding: _Padding | None = None,
        nested: bool = False,
        limits: Limits | None = None,
        clock: _Clock | None = None,
        audit: _Audit | None = None,
        hedged_salts: bool = False,
    ) -> ValueCipher: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def label(self) -> str: ...
    def encrypt(self, value: Any, *, bind: dict[str, Any], context: _Context) -> str: ...
    def decrypt(self, token: str, *, bind: dict[str, Any], context: _Context, decimals: bool = False) -> Any: ...
    def encrypt_json(self, text: bytes | str, *, bind: dict[str, Any], context: _Context) -> str: ...
    def decrypt_json(self, token: str, *, bind: dict[str, Any], context: _Context) -> bytes: ...

@final
class Redactor:
    def __new__(cls, policy: _Policy, *, limits: Limits | None = None) -> Redactor: ...
    def redact(self, document: _Document) -> _Document: ...
    @property
    def unreadable(self) -> int: ...

@final
class Reencryption:
    def __new__(
        cls, source: FieldCipher, target: FieldCipher, *, leave_clear: bool = False, seal_clear: bool = False
    ) -> Reencryption: ...
    def run(self, document: _AnyDocument, *, source_context: _Context, target_context: _Context) -> Reencrypted: ...

def locate(document: _Content | str, path: str, *, limits: Limits | None = None) -> list[Location]: ...
def inspect(document: _AnyDocument, *, limits: Limits | None = None) -> list[Sighting]: ...
def token_len(value_len: int, kid: str, *, padding: _Padding | None = None) -> int: ...
def max_token_len(value_len: int, *, padding: _Padding | None = None) -> int: ...
def new_kid() -> str: ...

@final
class Profile:
    def __new__(cls, source: dict[str, Any] | _Path) -> Profile: ...
    @staticmethod
    def apiseal_v1() -> Profile: ...
    def lint(self) -> list[str]: ...
    def lint_request(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        scheme: str | None = None,
        authority: str | None = None,
    ) -> list[str]: ...
    @property
    def id(self) -> str: ...

@final
class Signer:
    def __new__(
        cls,
        keyring: Keyring,
        profile: Profile | None = None,
        *,
        key: str | None = None,
        label: str | None = None,
        external: Callable[[bytes], bytes] | None = None,
        debug_token: bool = False,
        clock: _Clock | None = None,
        audit: _Audit | None = None,
    ) -> Signer: ...
    @property
    def keyring(self) -> Keyring: ...
    def sign(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
        accept_signature: str | None = None,
    ) -> Signed: ...
    def sign_response(
        self,
        status: int,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        request: Verified,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Signed: ...

@final
class Signed:
    @property
    def headers(self) -> list[tuple[str, str]]: ...
    @property
    def nonce(self) -> str | None: ...
    @property
    def base(self) -> bytes: ...
    @property
    def ignored(self) -> list[str]: ...

@final
class MemoryReplay:
    def __new__(cls, capacity: int, *, quota: int | None = None, clock: _Clock | None = None) -> MemoryReplay: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...

@final
class NoReplayCheck:
    def __new__(cls) -> NoReplayCheck: ...

@final
class Verifier:
    def __new__(
        cls,
        keyring: Keyring,
        profile: Profile | None = None,
        *,
        replay: MemoryReplay | NoReplayCheck | ReplayStore,
        origins: Mapping[str, str] | None = None,
        scope: Mapping[str, str] | None = None,
        clock: _Clock | None = None,
        audit: _Audit | None = None,
    ) -> Verifier: ...
    @property
    def keyring(self) -> Keyring: ...
    @property
    def profile(self) -> Profile: ...
    def verify(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Verified: ...
    def verify_response(
        self,
        status: int,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        request: _Request,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Verified: ...
    def verify_pending(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Pending: ...
    def spool(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        *,
        sink: _Writable,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
    ) -> Spool: ...
    def accept_signature(self, label: str = "sig") -> str: ...
    def explain(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
        authorities: Sequence[str] | None = None,
        decoder: _Decoder | None = None,
    ) -> Explanation: ...
    def explain_response(
        self,
        status: int,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        request: _Request,
        http2: bool = False,
        trailers: _Headers | None = None,
        decoder: _Decoder | None = None,
    ) -> Explanation: ...

@final
class Proof:
    @property
    def key_id(self) -> str: ...
    @property
    def principal(self) -> str | None: ...
    @property
    def label(self) -> str: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def nonce(self) -> str | None: ...
    @property
    def created(self) -> int: ...
    @property
    def scope(self) -> dict[str, str]: ...
    @property
    def components(self) -> list[tuple[str, str]]: ...
    def component(self, id: str) -> str | None: ...

@final
class Verified:
    @property
    def key_id(self) -> str: ...
    @property
    def principal(self) -> str | None: ...
    @property
    def label(self) -> str: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def nonce(self) -> str | None: ...
    @property
    def created(self) -> int: ...
    @property
    def scope(self) -> dict[str, str]: ...
    @property
    def components(self) -> list[tuple[str, str]]: ...
    @property
    def base(self) -> bytes: ...
    @property
    def body(self) -> bytes | None: ...
    @property
    def is_body_proved(self) -> bool: ...
    @property
    def proofs(self) -> list[Proof]: ...
    def component(self, id: str) -> str | None: ...

@final
class Spool:
    def write(self, piece: _Content) -> None: ...
    def finish(self) -> Verified: ...

@final
class Pending:
    @property
    def claims(self) -> list[Claim]: ...
    def finish(self, answers: Sequence[Outcome]) -> Verified: ...

@final
class Protector:
    def __new__(cls, cipher: FieldCipher, signer: Signer) -> Protector: ...
    def protect(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        context: _Context,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
    ) -> Protected: ...
    def protect_response(
        self,
        status: int,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        request: Verified,
        context: _Context,
        http2: bool = False,
    ) -> Protected: ...

@final
class Protected:
    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> list[tuple[str, str]]: ...

@final
class Acceptor:
    def __new__(cls, cipher: FieldCipher, verifier: Verifier) -> Acceptor: ...
    def accept(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        context: Callable[[Proof], _Context],
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Accepted: ...
    def accept_response(
        self,
        status: int,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        request: _Request,
        context: Callable[[Proof], _Context],
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> Accepted: ...
    def accept_pending(
        self,
        method: str,
        url: str,
        headers: _Headers | None = None,
        body: _Content | None = None,
        *,
        scheme: str | None = None,
        authority: str | None = None,
        http2: bool = False,
        trailers: _Headers | None = None,
    ) -> PendingAcceptance: ...

@final
class PendingAcceptance:
    @property
    def claims(self) -> list[Claim]: ...
    def finish(self, answers: Sequence[Outcome], *, context: Callable[[Proof], _Context]) -> Accepted: ...

@final
class Accepted:
    @property
    def document(self) -> bytes: ...
    @property
    def verified(self) -> Verified: ...
    @property
    def accepted_plain(self) -> list[str]: ...
