//! What to generate.

use crate::Shape;

/// What to generate. Two equal settings give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// All randomness comes from here.
    pub seed: u64,
    /// How many hosts there are; at least 1.
    pub hosts: u32,
    /// One host of so many is attacked, once; 0 for no attack.
    pub attack_every_hosts: u32,
    /// Attack k begins about so many lines after attack k-1 began, the first as far from the start.
    pub attack_apart_lines: u64,
    /// How many lines of a million are damaged.
    pub malformed_per_million: u32,
    /// How many lines of a million come 100 to 5,000 lines late.
    pub late_per_million: u32,
    /// How many hosts of a hundred ship their lines in which shape; the numbers sum to 100.
    pub shapes: Vec<(Shape, u32)>,
    /// Event time of the first line, milliseconds since the epoch.
    pub start_ms: i64,
}

impl Default for Settings {
    /// An office of 40 hosts, one of ten attacked, all within the first few thousand lines.
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: 40,
            attack_every_hosts: 10,
            attack_apart_lines: 500,
            malformed_per_million: 500,
            late_per_million: 2_000,
            shapes: Settings::MIXED_SHAPES.to_vec(),
            // 2024-03-04T08:00:00Z, a Monday morning.
            start_ms: 1_709_539_200_000,
        }
    }
}

impl Settings {
    /// Mainly what the largest public archives hold, and a share of everything else.
    pub const MIXED_SHAPES: &[(Shape, u32)] = &[
        (Shape::NxLog, 60),
        (Shape::GetWinEvent, 20),
        (Shape::Winlogbeat6, 5),
        (Shape::Winlogbeat, 5),
        (Shape::Sentinel, 10),
    ];

    /// Every host speaks the same shape.
    pub fn only(mut self, shape: Shape) -> Self {
        self.shapes = vec![(shape, 100)];
        self
    }

    /// The shape of a host: spread evenly, so that even a few hosts show every large share.
    pub(crate) fn shape_of(&self, host: u32) -> Shape {
        // 61 has no factor in common with 100, so that 100 hosts take each point once.
        let mut point = (host % 100 * 61 + 7) % 100;
        for &(shape, share) in &self.shapes {
            match point.checked_sub(share) {
                Some(rest) => point = rest,
                None => return shape,
            }
        }
        unreachable!("the shares of the shapes sum to 100")
    }

    /// Whether a host is attacked.
    pub(crate) fn attacks(&self, host: u32) -> bool {
        self.attack_every_hosts > 0 && host % self.attack_every_hosts == self.attack_every_hosts / 2
    }

    pub(crate) fn assert_valid(&self) {
        assert!(self.hosts > 0, "someone must speak");
        let shares: u32 = self.shapes.iter().map(|&(_, share)| share).sum();
        assert_eq!(shares, 100, "the shares of the shapes sum to 100");
        assert!(self.attack_apart_lines > 0, "attacks begin one after another");
    }
}
