//! What happens to runs: they are killed, meet each other, and files change under them.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::history;
use super::life::Life;
use super::meanwhile;
use super::tree::under;

/// Troubles the checkout's run in one way, says how, and judges what that left.
pub fn disturb(life: &mut Life) -> (String, Result<(), String>) {
    let done = match life.random.below(10) {
        0 | 1 => kill(life),
        2..=4 => meanwhile::change(life),
        5 | 6 => meanwhile::two_runs(life),
        7 => edit_while_it_runs(life),
        8 => {
            let name = life.random.pick(&life.places).name.clone();
            let selection = *life.random.pick(&["-u", "-d", "-e", "-x", "--no-cache"]);
            half(life, |life| {
                let _ = life.start(&life.root(), &[selection, &name]).wait();
                format!("{selection} {name}")
            })
        }
        _ => (life.forget_an_image(), Ok(())),
    };
    life.look_again();
    done
}

/// Something after which moving tags may be of two states, until the next whole run.
fn half(life: &mut Life, act: impl FnOnce(&mut Life) -> String) -> (String, Result<(), String>) {
    let root = life.root();
    let state = match life.state(&root) {
        Ok(state) => state,
        Err(error) => return ("a run".to_owned(), Err(error)),
    };
    let done = act(life);
    (done, life.judge(&[state], &[], false))
}

fn kill(life: &mut Life) -> (String, Result<(), String>) {
    let delay = life.random.within(5, 1000) as u64;
    half(life, |life| {
        let mut child = life.start(&life.root(), &[]);
        sleep(Duration::from_millis(delay));
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        format!("killed after {delay} ms")
    })
}

/// Written in place, so that a part of it may be seen, and put back.
fn edit_while_it_runs(life: &mut Life) -> (String, Result<(), String>) {
    half(life, edit_and_back)
}

fn edit_and_back(life: &mut Life) -> String {
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
