//! Interim answers taken out of what is read: awc would take the first of them as final.

/// What of an answer was read and not handed on yet, until its final head begins.
///
/// A service may send any number of 1xx answers before the final one, unasked, and whoever does not need them leaves
/// them out (RFC 9110, section 15.2). `101` is not among them: it ends HTTP on the connection, and nobody here asks
/// for that.
#[derive(Debug, Default)]
pub(super) struct Interim {
    held: Vec<u8>,
    is_final: bool,
}

impl Interim {
    /// Whether `read`, the first bytes of an answer, can be handed on as they are: the usual case.
    pub(super) fn is_plain(&mut self, read: &[u8]) -> bool {
        self.is_final |= self.held.is_empty() && starts_interim(read) == Some(false);
        self.is_final && self.held.is_empty()
    }

    /// Takes in what was read.
    pub(super) fn feed(&mut self, read: &[u8]) {
        self.held.extend_from_slice(read);
        while !self.is_final {
            match starts_interim(&self.held) {
                Some(true) => match end_of_head(&self.held) {
                    Some(end) => drop(self.held.drain(..end)),
                    None => return,
                },
                Some(false) => self.is_final = true,
                None => return,
            }
        }
    }

    /// Whether something can be handed on.
    pub(super) fn is_ready(&self) -> bool {
        self.is_final && !self.held.is_empty()
    }

    /// At most `room` bytes to hand on.
    pub(super) fn take(&mut self, room: usize) -> impl Iterator<Item = u8> {
        let count = if self.is_final {
            room.min(self.held.len())
        } else {
            0
        };
        self.held.drain(..count)
    }
}

/// Whether an interim answer starts here. Nothing as long as that cannot be told.
fn starts_interim(head: &[u8]) -> Option<bool> {
    const START: &[u8] = b"HTTP/1.";
    let common = head.len().min(START.len());
    if head[..common] != START[..common] {
        return Some(false);
    }
    let fits: [fn(u8) -> bool; 6] = [
        |version| matches!(version, b'0' | b'1'),
        |space| space == b' ',
        |class| class == b'1',
        |digit| digit.is_ascii_digit(),
        |digit| digit.is_ascii_digit(),
        |end| matches!(end, b' ' | b'\r' | b'\n'),
    ];
    let rest = &head[common..];
    if rest.iter().zip(fits).any(|(byte, fits)| !fits(*byte)) {
        return Some(false);
    }
    match rest {
        [_, _, _, b'0', b'1', _, ..] => Some(false),
        _ => (rest.len() >= fits.len()).then_some(true),
    }
}

/// Behind the first empty line.
fn end_of_head(head: &[u8]) -> Option<usize> {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    let mut end = 0;
    lines.find_map(|line| {
        end += line.len();
        matches!(line, b"\r\n" | b"\n").then_some(end)
    })
}
