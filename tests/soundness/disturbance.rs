//! What happens to runs: they are killed, meet each other, and files change under them.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::history;
use super::life::Life;
use super::tree::under;

/// Troubles the checkout's run in one way, and leaves the files as they were.
pub fn disturb(life: &mut Life) -> String {
    let done = match life.random.below(5) {
        0 => {
            let delay = life.random.within(5, 1000) as u64;
            let mut child = life.start(&life.root(), &[]);
            sleep(Duration::from_millis(delay));
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            format!("killed after {delay} ms")
        }
        1 => {
            let root = life.root();
            let (mut one, mut other) = (life.start(&root, &[]), life.start(&root, &["--jobs=1"]));
            let _ = one.wait();
            let _ = other.wait();
            "two runs at a time".to_owned()
        }
        2 => edit_while_it_runs(life),
        3 => {
            let name = life.random.pick(&life.places).name.clone();
            let selection = *life.random.pick(&["-u", "-d", "-e", "-x", "--no-cache"]);
            let _ = life.start(&life.root(), &[selection, &name]).wait();
            format!("{selection} {name}")
        }
        _ => life.forget_an_image(),
    };
    life.look_again();
    done
}

fn edit_while_it_runs(life: &mut Life) -> String {
    let names = history::editable(life);
    let Some(name) = life.random.pick_any(&names).cloned() else { return "nothing to edit".to_owned() };
    let path = under(&life.root(), &name);
    let before = fs::read(&path).expect("a file");
    let length = life.random.percent(60).then_some(before.len());
    let text = life.random.text(length);
    let mut child = life.start(&life.root(), &[]);
    sleep(Duration::from_millis(life.random.within(5, 500) as u64));
    fs::write(&path, text).expect("a file");
    let _ = child.wait();
    fs::write(&path, before).expect("a file");
    format!("{:?} changed and back while it ran", String::from_utf8_lossy(&name))
}
