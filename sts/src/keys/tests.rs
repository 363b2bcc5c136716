use std::sync::Arc;

use caracal_mandate::key::Signer as _;

use super::seal::Keks;
use super::*;

fn kek(byte: u8) -> Arc<KeyEncryptionKey> {
    Arc::new(KeyEncryptionKey::from_bytes([byte; 32]))
}

fn storage(byte: u8) -> KeyStorage {
    KeyStorage::sealed(kek(byte))
}

#[test]
fn what_a_key_signs_verifies_with_its_public_half_only() {
    let key = ZoneKey::generate().unwrap();
    let signature = key.sign(b"message").unwrap();
    assert!(Es256.verify(key.public(), b"message", &signature));
    assert!(!Es256.verify(key.public(), b"another", &signature));
    let other = ZoneKey::generate().unwrap();
    assert!(!Es256.verify(other.public(), b"message", &signature));
}

#[tokio::test]
async fn a_sealed_key_opens_in_its_own_place_only() {
    let made = storage(1).make("zone-a").await.unwrap();
    let (kid, row) = (made.key.kid(), &made.row);
    let opened = storage(1).open("zone-a", kid, row).await.unwrap();
    assert_eq!(opened.kid(), kid);
    let other = ZoneKey::generate().unwrap();
    for (zone, kid) in [("zone-b", kid), ("zone-a", other.kid())] {
        let error = storage(1).open(zone, kid, row).await.unwrap_err();
        assert!(
            matches!(error, KeyError::Seal(SealError::Refused)),
            "{error}"
        );
    }
    let error = storage(2).open("zone-a", kid, row).await.unwrap_err();
    assert!(error.to_string().contains(kek(1).id()), "{error}");
}

#[tokio::test]
async fn every_flipped_bit_of_a_sealed_key_shows() {
    let made = storage(1).make("z").await.unwrap();
    for index in 0..made.row.len() {
        let mut changed = made.row.clone();
        changed[index] ^= 1;
        let opened = storage(1).open("z", made.key.kid(), &changed).await;
        assert!(opened.is_err(), "byte {index}");
    }
    for length in 0..made.row.len() {
        let cut = &made.row[..length];
        assert!(storage(1).open("z", made.key.kid(), cut).await.is_err());
    }
}

#[tokio::test]
async fn no_two_rows_share_a_data_key() {
    let keks = Keks::new(kek(1));
    let place = Place::of_zone_key("z", "k");
    let one = keks.seal(place, b"the same").await.unwrap();
    let two = keks.seal(place, b"the same").await.unwrap();
    assert_ne!(one, two);
    // The wrapped data key of one row in front of the body of the other opens nothing.
    let head = one.len() - two.len().min(36);
    let mixed = [&one[..head], &two[head..]].concat();
    assert!(keks.open(place, &mixed).await.is_err());
    assert_eq!(
        keks.open(place, &two).await.unwrap().as_slice(),
        b"the same"
    );
}

#[tokio::test]
async fn another_key_encryption_key_takes_over_while_the_old_one_still_opens() {
    let made = storage(1).make("z").await.unwrap();
    let kid = made.key.kid();
    let both = storage(2).or_opened_by(kek(1));
    both.open("z", kid, &made.row).await.unwrap();
    let anew = both.reseal("z", kid, &made.row).await.unwrap().unwrap();
    assert_eq!(both.reseal("z", kid, &anew).await.unwrap(), None);
    storage(2).open("z", kid, &anew).await.unwrap();
    assert!(storage(1).open("z", kid, &anew).await.is_err());
    assert_eq!(storage(1).reseal("z", kid, &made.row).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_sealed_before_there_were_envelopes_opens_and_is_sealed_again() {
    let key = ZoneKey::generate().unwrap();
    let mut context = b"caracal-sealed-key-v1\0".to_vec();
    for part in ["mandate-signing", "z", key.kid()] {
        context.extend(u64::try_from(part.len()).unwrap().to_be_bytes());
        context.extend(part.as_bytes());
    }
    let body = kek(1).encrypt(&context, &key.to_plain().unwrap()).unwrap();
    let row = [&[1], &*body].concat();
    storage(1).open("z", key.kid(), &row).await.unwrap();
    let anew = storage(1).reseal("z", key.kid(), &row).await.unwrap();
    storage(1)
        .open("z", key.kid(), &anew.unwrap())
        .await
        .unwrap();
    assert!(storage(1).open("y", key.kid(), &row).await.is_err());
}

#[tokio::test]
async fn a_key_in_a_token_that_is_not_there_is_a_clear_refusal() {
    let row = pkcs11::Handle::new("vault", [7; 16]).to_row();
    let error = storage(1).open("z", "kid", &row).await.unwrap_err();
    assert!(error.to_string().contains("\"vault\""), "{error}");
}

#[test]
fn debug_shows_ids_and_no_keys() {
    let key = ZoneKey::generate().unwrap();
    assert!(format!("{key:?}").contains(key.kid()));
    let text = format!("{:?}", storage(7));
    assert!(text.contains(kek(7).id()), "{text}");
    assert!(!text.contains("7, 7, 7"), "{text}");
}
