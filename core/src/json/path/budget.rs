//! The budget that bounds the work of queries on one document.

use crate::error::{Code, Result};

/// Work that may still be done. The unit is one node looked at; bytes cost less, see [`Budget::spend_bytes`].
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub(crate) fn new(visits: u64) -> Self {
        Budget { left: visits }
    }

    /// Takes `cost` from the budget.
    ///
    /// # Errors
    /// [`Code::LimitVisits`] if less is left; then nothing is left.
    pub(crate) fn spend(&mut self, cost: u64) -> Result<()> {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Code::LimitVisits.into())
            }
        }
    }

    /// Takes what it costs to read, copy or write `len` bytes.
    pub(crate) fn spend_bytes(&mut self, len: usize) -> Result<()> {
        self.spend(len as u64 / BYTES_A_NODE)
    }
}

/// Bytes that are handled in the time of one node.
const BYTES_A_NODE: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overdrawn_budget_is_empty() {
        let mut budget = Budget::new(10);
        budget.spend(4).unwrap();
        budget.spend_bytes(7).unwrap();
        budget.spend_bytes(48).unwrap();
        budget.spend(0).unwrap();
        assert_eq!(budget.spend(1).unwrap_err().code(), Code::LimitVisits);
        let mut budget = Budget::new(10);
        assert_eq!(budget.spend(u64::MAX).unwrap_err().code(), Code::LimitVisits);
        assert_eq!(budget.spend(1).unwrap_err().code(), Code::LimitVisits);
    }
}
