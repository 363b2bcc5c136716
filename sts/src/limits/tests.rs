use super::*;

#[test]
fn a_host_is_counted_once_whatever_address_it_chooses() {
    for (address, counted) in [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("::1", "::"),
    ] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(network(address).to_string(), counted);
    }
}
