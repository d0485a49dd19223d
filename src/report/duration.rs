use std::time::Duration;

/// `0.4 s`, `6.1 s`, `41 s`, `2 m 05 s`, `1 h 02 m`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `17 B`, `4.2 kB`, `1.3 MB`, in powers of a thousand as Docker shows sizes.
pub(super) fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let (mut whole, mut rest, mut unit) = (count / 1000, count % 1000, 0);
    while whole >= 1000 && unit + 1 < units.len() {
        (whole, rest, unit) = (whole / 1000, whole % 1000, unit + 1);
    }
    format!("{whole}.{} {}", rest / 100, units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_get_coarser() {
        for (millis, text) in [
            (0, "0.0 s"),
            (449, "0.4 s"),
            (6_120, "6.1 s"),
            (41_900, "41 s"),
            (125_000, "2 m 05 s"),
            (3_720_000, "1 h 02 m"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn sizes_as_docker_shows_them() {
        for (count, text) in
            [(999, "999 B"), (4_200, "4.2 kB"), (1_390_000, "1.3 MB"), (u64::MAX, "18446744.0 TB")]
        {
            assert_eq!(bytes(count), text);
        }
    }
}
