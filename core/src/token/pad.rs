//! Padding hides the exact length of a value: NUL bytes behind the text, which no JSON text ends with.

/// How long a plaintext becomes before it is encrypted, so that its length tells less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Padding {
    /// A multiple of 32 up to 256 bytes, PADMÉ above.
    #[default]
    Default,
    /// No padding.
    None,
    /// The next multiple of so many bytes.
    Multiple(usize),
}

impl Padding {
    /// Padded length of a text of `len` bytes, `len` ≥ 1.
    pub(crate) fn padded_len(self, len: usize) -> usize {
        match self {
            Padding::None => len,
            Padding::Multiple(of) => len.next_multiple_of(of.max(1)),
            Padding::Default if len <= 256 => len.next_multiple_of(32),
            Padding::Default => padme(len),
        }
    }
}

/// PADMÉ: with E = ⌊log2 len⌋ and S = ⌊log2 E⌋ + 1, up to a multiple of 2^(E−S).
fn padme(len: usize) -> usize {
    let exponent = len.ilog2();
    let kept = exponent.ilog2() + 1;
    len.next_multiple_of(1 << (exponent - kept))
}

/// The text without the padding.
pub(crate) fn strip(padded: &[u8]) -> &[u8] {
    let end = padded.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    padded.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_padded_lengths() {
        let pairs = [
            (1, 32),
            (32, 32),
            (33, 64),
            (256, 256),
            (257, 272),
            (300, 304),
            (1000, 1024),
            (4097, 4352),
            (100_000, 100_352),
            (1_048_577, 1_081_344),
        ];
        for (len, padded) in pairs {
            assert_eq!(Padding::Default.padded_len(len), padded, "{len}");
        }
        assert_eq!(Padding::None.padded_len(7), 7);
        assert_eq!(Padding::Multiple(10).padded_len(11), 20);
    }

    #[test]
    fn case_35_short_values_have_one_length() {
        for text in ["true", "false", "0", "123456", "null", "\"\""] {
            assert_eq!(Padding::Default.padded_len(text.len()), 32);
        }
    }

    #[test]
    fn strip_takes_every_trailing_nul_and_nothing_else() {
        assert_eq!(strip(b"1\0\0"), b"1");
        assert_eq!(strip(b"\0a\0b"), b"\0a\0b");
        assert_eq!(strip(b"\0\0"), b"");
    }
}
