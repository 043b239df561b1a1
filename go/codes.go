package apiseal

import "strconv"

// Code is the number of an error. Numbers are for ever, and names are the same in all languages: docs/errors.md.
type Code uint32

// String gives the code's name, for example "NoMatch".
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "Code(" + strconv.FormatUint(uint64(c), 10) + ")"
}

const (
	// CodeInvalidArgument: a limit, a value or another argument of the call is out of its stated range.
	CodeInvalidArgument Code = 100
	// CodeInvalidPath: a query is not a valid RFC 9535 JSONPath.
	CodeInvalidPath Code = 101
	// CodeInvalidKeyId: a key id does not match [A-Za-z0-9_-]{1,32}, or is the reserved _.
	CodeInvalidKeyId Code = 102
	// CodeContextMissing: the context has no pair purpose, which encryption and decryption demand.
	CodeContextMissing Code = 200
	// CodeContextEmpty: the context has no pair, or a pair has an empty name.
	CodeContextEmpty Code = 201
	// CodeContextDuplicate: two pairs of the context have the same name.
	CodeContextDuplicate Code = 202
	// CodeContextTooLong: more than 32 pairs, or a name or value over 1024 bytes.
	CodeContextTooLong Code = 203
	// CodeContextScope: the context lacks a pair that the key's scope demands.
	CodeContextScope Code = 204
	// CodeContextReserved: a name begins with apiseal., which the library keeps for itself.
	CodeContextReserved Code = 205
	// CodePolicyFile: the policy file is malformed, contradicts itself or leaves a required choice open.
	CodePolicyFile Code = 210
	// CodeNoMatch: a required rule matched nothing in the document.
	CodeNoMatch Code = 211
	// CodeOccurs: a rule with exactly, at_least or each matched another number of values.
	CodeOccurs Code = 212
	// CodeNotEncrypted: a clear value stands where an encrypted one must be.
	CodeNotEncrypted Code = 213
	// CodeAlreadyEncrypted: a string to be encrypted already begins like one of our tokens.
	CodeAlreadyEncrypted Code = 214
	// CodeTypeMismatch: the value has none of the types that the rule allows.
	CodeTypeMismatch Code = 215
	// CodeBoundMissing: a member that the ciphertext is to be bound to is not in the document.
	CodeBoundMissing Code = 216
	// CodeBoundConflict: a bound member stands twice, or overlaps a protected value or the header.
	CodeBoundConflict Code = 217
	// CodeOverlap: two rules select one value, or one protected value lies inside another.
	CodeOverlap Code = 218
	// CodeFilterVisitsProtected: a filter looks at a protected value, so that it would select otherwise after encryption.
	CodeFilterVisitsProtected Code = 219
	// CodeUnselectedToken: a token, field string or header stands where no rule selects it.
	CodeUnselectedToken Code = 220
	// CodeLayoutMismatch: an encrypted string of the other layout stands at a rule's position.
	CodeLayoutMismatch Code = 221
	// CodeModeMismatch: the token's mode is not the one that the rule's position asks for.
	CodeModeMismatch Code = 222
	// CodeHeaderPresent: the document to be encrypted already has a member with the header's name.
	CodeHeaderPresent Code = 223
	// CodeRootNotObject: layout document needs an object as the root.
	CodeRootNotObject Code = 224
	// CodeKeyNotAllowed: the key is not one that the rule allows.
	CodeKeyNotAllowed Code = 225
	// CodeLeftClear: re-encryption: a decrypted value, or a part of it, would stay in clear under the new policy.
	CodeLeftClear Code = 226
	// CodeMalformedJson: the document is not one I-JSON text (RFC 8259, RFC 7493).
	CodeMalformedJson Code = 300
	// CodeDuplicateName: a member name stands twice in one object.
	CodeDuplicateName Code = 301
	// CodeLineBreak: a line of NDJSON holds a protected value of several lines, so that its decryption would be more than one line.
	CodeLineBreak Code = 302
	// CodeLimitDocument: the document, or the encrypted document, is larger than the limit.
	CodeLimitDocument Code = 310
	// CodeLimitDepth: containers are nested deeper than the limit.
	CodeLimitDepth Code = 311
	// CodeLimitField: a value to be encrypted is larger than the limit.
	CodeLimitField Code = 312
	// CodeLimitFields: more values are selected than the limit allows.
	CodeLimitFields Code = 313
	// CodeLimitPosition: the encoded position of a value is longer than 4 KiB.
	CodeLimitPosition Code = 314
	// CodeLimitBound: the bound members of a value are larger than the limit.
	CodeLimitBound Code = 315
	// CodeLimitAssociatedData: the associated data of all values together exceeds eight times the document limit.
	CodeLimitAssociatedData Code = 316
	// CodeLimitVisits: evaluating the queries visits more nodes than the budget allows.
	CodeLimitVisits Code = 317
	// CodeKeyringFile: the keyring file is malformed or contradicts itself.
	CodeKeyringFile Code = 400
	// CodeUnknownKey: no key of the ring has this id.
	CodeUnknownKey Code = 401
	// CodeKeyState: the key's state or validity does not allow the operation.
	CodeKeyState Code = 402
	// CodeKeyPurpose: the key serves another purpose.
	CodeKeyPurpose Code = 403
	// CodeKeySuite: the suite in the token is not the one that the ring pins to the key.
	CodeKeySuite Code = 404
	// CodeKeyDuplicate: two keys of the ring share their id or their secret.
	CodeKeyDuplicate Code = 405
	// CodeKeyringUnlock: the passphrase or wrapping key is wrong, the ring has another name, or the file was altered.
	CodeKeyringUnlock Code = 406
	// CodeKeyringRollback: the keyring's revision is lower than the caller demands.
	CodeKeyringRollback Code = 407
	// CodeNoPrimary: no primary key fits the context, or the ring has no key that may encrypt.
	CodeNoPrimary Code = 408
	// CodeKeyringPermissions: the keyring file can be read by others than its owner.
	CodeKeyringPermissions Code = 409
	// CodeKeyringWrap: the parameters of the keyring's wrap are outside the accepted range.
	CodeKeyringWrap Code = 410
	// CodeKeyImport: a key in PEM or JWK form is malformed, weak or of an unknown kind.
	CodeKeyImport Code = 411
	// CodeMalformedToken: a token, field string or header is malformed; no key was tried.
	CodeMalformedToken Code = 500
	// CodeRejected: wrong key, context, place or bound value, or an altered ciphertext: deliberately one code and one text.
	CodeRejected Code = 501
	// CodeSignatureMissing: the message has no signature for the profile, or a label stands in one of the two fields only.
	CodeSignatureMissing Code = 600
	// CodeSignatureMalformed: Signature-Input or Signature is not a valid structured field, or holds what no signature may hold.
	CodeSignatureMalformed Code = 601
	// CodeSignatureAmbiguous: more signatures fit the profile than it allows.
	CodeSignatureAmbiguous Code = 602
	// CodeNotCovered: a component that the profile demands is not covered by the signature.
	CodeNotCovered Code = 603
	// CodeComponentNotAllowed: a component or component parameter is covered that the profile does not allow.
	CodeComponentNotAllowed Code = 604
	// CodeComponentMissing: a covered component is not in the message, or stands there in a way that has no single value.
	CodeComponentMissing Code = 605
	// CodeMalformedMessage: the HTTP message is ambiguous or malformed.
	CodeMalformedMessage Code = 606
	// CodeSignatureParameters: a signature parameter is missing or has a wrong type or form.
	CodeSignatureParameters Code = 607
	// CodeSignatureExpired: the signature is older than the profile allows, or has expired.
	CodeSignatureExpired Code = 608
	// CodeSignatureFuture: the signature was created in the future.
	CodeSignatureFuture Code = 609
	// CodeSignatureAlgorithm: the algorithm is not the one that the ring pins to the key, or the profile does not allow it.
	CodeSignatureAlgorithm Code = 610
	// CodeSignatureInvalid: the signature does not belong to the message and the key.
	CodeSignatureInvalid Code = 611
	// CodeDigestMissing: the message has content, and no digest of it is covered.
	CodeDigestMissing Code = 612
	// CodeDigestMismatch: the content is not the one that the digest was made of.
	CodeDigestMismatch Code = 613
	// CodeDigestAlgorithm: the digest field is malformed, or holds no digest of an algorithm that is accepted.
	CodeDigestAlgorithm Code = 614
	// CodeReplayed: the nonce was accepted before.
	CodeReplayed Code = 615
	// CodeReplayFull: the replay store, or the principal's share of it, is full; answer 503.
	CodeReplayFull Code = 616
	// CodeReplayUnavailable: the replay store cannot tell whether the nonce is new; answer 503.
	CodeReplayUnavailable Code = 617
	// CodeResponseMismatch: the response does not belong to the request, or no request is at hand.
	CodeResponseMismatch Code = 618
	// CodeOriginUnknown: the received authority is not in the map of origins.
	CodeOriginUnknown Code = 619
	// CodeProfileFile: the signing profile is malformed or contradicts itself.
	CodeProfileFile Code = 620
	// CodeLimitMessage: headers, components, signatures or content exceed a limit of the profile.
	CodeLimitMessage Code = 621
	// CodeExternalSigner: the external signer failed, or gave a signature of a wrong length.
	CodeExternalSigner Code = 622
	// CodeNotSignable: a message that cannot be signed under the profile: a response of 1xx, or a second response to one request.
	CodeNotSignable Code = 623
	// CodeContentSink: the sink that content is spooled into failed.
	CodeContentSink Code = 624
	// CodeRandom: the random source failed.
	CodeRandom Code = 900
	// CodeInternal: a promise of the library itself was broken; please report it.
	CodeInternal Code = 901
)

var codeNames = map[Code]string{
	CodeInvalidArgument:       "InvalidArgument",
	CodeInvalidPath:           "InvalidPath",
	CodeInvalidKeyId:          "InvalidKeyId",
	CodeContextMissing:        "ContextMissing",
	CodeContextEmpty:          "ContextEmpty",
	CodeContextDuplicate:      "ContextDuplicate",
	CodeContextTooLong:        "ContextTooLong",
	CodeContextScope:          "ContextScope",
	CodeContextReserved:       "ContextReserved",
	CodePolicyFile:            "PolicyFile",
	CodeNoMatch:               "NoMatch",
	CodeOccurs:                "Occurs",
	CodeNotEncrypted:          "NotEncrypted",
	CodeAlreadyEncrypted:      "AlreadyEncrypted",
	CodeTypeMismatch:          "TypeMismatch",
	CodeBoundMissing:          "BoundMissing",
	CodeBoundConflict:         "BoundConflict",
	CodeOverlap:               "Overlap",
	CodeFilterVisitsProtected: "FilterVisitsProtected",
	CodeUnselectedToken:       "UnselectedToken",
	CodeLayoutMismatch:        "LayoutMismatch",
	CodeModeMismatch:          "ModeMismatch",
	CodeHeaderPresent:         "HeaderPresent",
	CodeRootNotObject:         "RootNotObject",
	CodeKeyNotAllowed:         "KeyNotAllowed",
	CodeLeftClear:             "LeftClear",
	CodeMalformedJson:         "MalformedJson",
	CodeDuplicateName:         "DuplicateName",
	CodeLineBreak:             "LineBreak",
	CodeLimitDocument:         "LimitDocument",
	CodeLimitDepth:            "LimitDepth",
	CodeLimitField:            "LimitField",
	CodeLimitFields:           "LimitFields",
	CodeLimitPosition:         "LimitPosition",
	CodeLimitBound:            "LimitBound",
	CodeLimitAssociatedData:   "LimitAssociatedData",
	CodeLimitVisits:           "LimitVisits",
	CodeKeyringFile:           "KeyringFile",
	CodeUnknownKey:            "UnknownKey",
	CodeKeyState:              "KeyState",
	CodeKeyPurpose:            "KeyPurpose",
	CodeKeySuite:              "KeySuite",
	CodeKeyDuplicate:          "KeyDuplicate",
	CodeKeyringUnlock:         "KeyringUnlock",
	CodeKeyringRollback:       "KeyringRollback",
	CodeNoPrimary:             "NoPrimary",
	CodeKeyringPermissions:    "KeyringPermissions",
	CodeKeyringWrap:           "KeyringWrap",
	CodeKeyImport:             "KeyImport",
	CodeMalformedToken:        "MalformedToken",
	CodeRejected:              "Rejected",
	CodeSignatureMissing:      "SignatureMissing",
	CodeSignatureMalformed:    "SignatureMalformed",
	CodeSignatureAmbiguous:    "SignatureAmbiguous",
	CodeNotCovered:            "NotCovered",
	CodeComponentNotAllowed:   "ComponentNotAllowed",
	CodeComponentMissing:      "ComponentMissing",
	CodeMalformedMessage:      "MalformedMessage",
	CodeSignatureParameters:   "SignatureParameters",
	CodeSignatureExpired:      "SignatureExpired",
	CodeSignatureFuture:       "SignatureFuture",
	CodeSignatureAlgorithm:    "SignatureAlgorithm",
	CodeSignatureInvalid:      "SignatureInvalid",
	CodeDigestMissing:         "DigestMissing",
	CodeDigestMismatch:        "DigestMismatch",
	CodeDigestAlgorithm:       "DigestAlgorithm",
	CodeReplayed:              "Replayed",
	CodeReplayFull:            "ReplayFull",
	CodeReplayUnavailable:     "ReplayUnavailable",
	CodeResponseMismatch:      "ResponseMismatch",
	CodeOriginUnknown:         "OriginUnknown",
	CodeProfileFile:           "ProfileFile",
	CodeLimitMessage:          "LimitMessage",
	CodeExternalSigner:        "ExternalSigner",
	CodeNotSignable:           "NotSignable",
	CodeContentSink:           "ContentSink",
	CodeRandom:                "Random",
	CodeInternal:              "Internal",
}
