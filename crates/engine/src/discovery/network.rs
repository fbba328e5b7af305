//! Where Ascend chips are in the network of cards. Text in, values out.
//!
//! Sources: MindSpore's guide to distributed training on Ascend (a device's `device_ip` is `address_N` of `/etc/hccn.conf`, and
//! N the number of its device file); HCCL's documentation (a device's `super_device_id` is the `SDID` of `npu-smi info -t
//! spod-info`, and its super pod the `Super Pod ID`).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use haina_core::{ChipPort, SuperPodPlace};

/// What is known of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Of chips, by the numbers of their device files.
    pub addresses: BTreeMap<u32, Ipv4Addr>,
    /// Of chips in super pods, by board and number on it.
    pub places: BTreeMap<(u32, u32), SuperPodPlace>,
}

impl Network {
    /// Where a chip is; none where its address is not known.
    pub fn port(&self, device: u32, board_and_chip: (u32, u32)) -> Option<ChipPort> {
        let address = self.addresses.get(&device)?.to_string();
        Some(ChipPort { device, address, super_pod: self.places.get(&board_and_chip).copied() })
    }
}

/// The addresses in the text of `/etc/hccn.conf`.
pub fn addresses(text: &str) -> BTreeMap<u32, Ipv4Addr> {
    let address = |line: &str| {
        let (device, address) = line.trim().strip_prefix("address_")?.split_once('=')?;
        Some((device.trim().parse().ok()?, address.trim().parse().ok()?))
    };
    text.lines().filter_map(address).collect()
}

/// The place in the answer of `npu-smi info -t spod-info` for one chip; none where it is in no super pod.
pub fn super_pod_place(text: &str) -> Option<SuperPodPlace> {
    let number = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).and_then(|(_, value)| value.trim().parse().ok())
    };
    Some(SuperPodPlace { pod: number("Super Pod ID")?, device: number("SDID")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_by_the_number_of_the_device_file() {
        let text = "address_0=192.168.100.100\nnetmask_0=255.255.255.0\n address_5 = 192.168.101.101 \naddress_x=1.2.3.4\n\
                    IPv6address_1=fe80::1\nsend_arp_status_0=1\n";
        let expected = [(0, Ipv4Addr::new(192, 168, 100, 100)), (5, Ipv4Addr::new(192, 168, 101, 101))];
        assert_eq!(addresses(text), BTreeMap::from(expected));
    }

    #[test]
    fn a_number_of_zero_is_a_place_and_none_is_none() {
        let text = "SDID                           : 0\nSuper Pod Size                 : 384\n\
                    Super Pod ID                   : 0\nServer Index                   : 0\n";
        assert_eq!(super_pod_place(text), Some(SuperPodPlace { pod: 0, device: 0 }));
        for text in ["", "SDID : NA\nSuper Pod ID : NA\n", "This device does not support querying spod-info.\n"] {
            assert_eq!(super_pod_place(text), None, "{text}");
        }
    }
}
