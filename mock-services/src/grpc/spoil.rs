//! Messages that are not what was asked for.

use prost::encoding::{WireType, decode_varint, encode_key, encode_varint};

use crate::fault::BodyFault;

/// How much is added to a message that is to be too large, in bytes: gRPC libraries read 4 MiB unless told otherwise.
const PADDING: usize = 5 * 1024 * 1024;

/// A field that no contract here has.
const UNKNOWN_FIELD: u32 = 1_000;

/// What stands before a record in every answer, and before its id in every record: the key of field 1.
const RECORD: u64 = 0x0a;
const ID: u64 = 0x08;

/// A message in the place of another.
pub(super) fn spoilt(message: &[u8], fault: BodyFault) -> Vec<u8> {
    match fault {
        // There is no wire type 7: half of a message alone may still be a message.
        BodyFault::Malformed => [&[0x0f], &message[..message.len() / 2]].concat(),
        // Field 1 is a number here, and a record in every contract.
        BodyFault::WrongShape => vec![0x08, 0x01],
        BodyFault::WrongId => shifted(message).unwrap_or_default(),
        BodyFault::Empty | BodyFault::Html => Vec::new(),
    }
}

/// The message with the id after its own in each record. Of two fields that are the same the later counts.
fn shifted(message: &[u8]) -> Option<Vec<u8>> {
    let mut shifted = Vec::with_capacity(message.len() + 16);
    let mut rest = message;
    while !rest.is_empty() {
        let key = decode_varint(&mut rest).ok()?;
        let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
        let (body, after) = rest.split_at_checked(length)?;
        rest = after;
        let mut body = body.to_vec();
        if key == RECORD {
            let mut fields = body.as_slice();
            if decode_varint(&mut fields).ok()? == ID {
                let id = decode_varint(&mut fields).ok()?;
                encode_varint(ID, &mut body);
                encode_varint(id + 1, &mut body);
            }
        }
        encode_varint(key, &mut shifted);
        encode_varint(body.len() as u64, &mut shifted);
        shifted.extend(body);
    }
    Some(shifted)
}

/// The message with a field that nobody knows, and much in it.
pub(super) fn padded(message: &[u8]) -> Vec<u8> {
    let mut padded = message.to_vec();
    encode_key(UNKNOWN_FIELD, WireType::LengthDelimited, &mut padded);
    encode_varint(PADDING as u64, &mut padded);
    padded.resize(padded.len() + PADDING, 0);
    padded
}
