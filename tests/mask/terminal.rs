//! The program on a terminal of its own, seen on the screen of another.

use crate::screen::Screen;
use crate::{KEY, KEY_MARK, vault};

#[test]
fn it_is_a_terminal_of_the_same_size_and_colour_and_values_are_masked() {
    let sandbox = vault();
    let Some(screen) = Screen::new(&sandbox, "size and colour") else { return };
    screen.line("$V sh -c 'for i in 0 1 2; do test -t $i && echo terminal $i; done; stty size; echo $KEY; echo $KEY >&2'; echo code=$?");
    let shown = screen.until_line("code=0");
    let marks =
        format!("terminal 0\nterminal 1\nterminal 2\n30 100\n{KEY_MARK}\n{KEY_MARK}\ncode=0");
    assert!(shown.contains(&marks), "{shown}");
    screen.line("$V sh -c 'printf \"\\033[31m%s\\033[0m\\n\" red; exit 9'; echo code=$?");
    screen.until_line("code=9");
    assert!(screen.coloured().contains("\x1b[31mred"), "{}", screen.coloured());
    // A new size reaches it, and it is told.
    screen.line("clear; $V sh -c 'trap \"stty size\" WINCH; echo go; while :; do sleep 0.1; done'");
    screen.until_line("go");
    screen.resize("90", "20");
    screen.until_line("20 90");
    screen.key("C-c");
    screen.prompt();
}

#[test]
fn keys_that_signal_stop_and_end_it_as_they_do_without_us() {
    let sandbox = vault();
    let Some(screen) = Screen::new(&sandbox, "keys") else { return };
    screen.line("before=$(stty -g); $V sh -c 'echo up; exec sleep 60'");
    screen.until("up");
    screen.key("C-c");
    screen.prompt();
    screen.line("echo code=$?");
    screen.until_line("code=130");
    screen.line("$V sh -c 'echo working; sleep 1; sleep 60'; echo over=$?");
    screen.until("working");
    screen.key("C-z");
    screen.when(|shown| shown.contains("Stopped"));
    // The shell has its own settings back while the program is stopped.
    screen.line("test \"$(stty -g)\" = \"$before\" && echo same");
    screen.until_line("same");
    // It goes on where it was: what is typed now is its own.
    screen.line("fg");
    screen.when(|shown| shown.lines().filter(|line| line.contains("echo working")).count() > 2);
    screen.key("C-c");
    screen.prompt();
    screen.line("clear; test \"$(stty -g)\" = \"$before\" && echo again");
    screen.until_line("again");
    // The key ends a loop around it, too.
    screen.line("clear; for i in 1 2; do $V sh -c 'echo up; exec sleep 60'; done");
    screen.until("up");
    screen.key("C-c");
    screen.prompt();
    screen.line("echo after the loop");
    let shown = screen.until_line("after the loop");
    assert_eq!(shown.lines().filter(|line| *line == "up").count(), 1, "{shown}");
    // A signal from outside, too, leaves the terminal as it was.
    screen.line(
        "$V sh -c 'kill -KILL $$'; echo code=$?; test \"$(stty -g)\" = \"$before\" && echo sane",
    );
    assert!(screen.until_line("sane").contains("code=137"));
}

#[test]
fn a_prompt_is_shown_at_once_and_keys_are_echoed() {
    let sandbox = vault();
    let Some(screen) = Screen::new(&sandbox, "prompt") else { return };
    screen.line("clear; $V sh -c 'printf \"Password s\"; read word; echo \"read $word\"'");
    // The last byte begins a value; alone it does not wait on a terminal.
    screen.until("Password s");
    screen.keys("ask");
    screen.until("Password sask");
    screen.key("Enter");
    screen.until_line("read ask");
    // More of a value does wait, and the whole is never seen, though it comes late.
    screen.line("clear; $V sh -c 'printf \"half %.9s\" $KEY; read x; printf \"%s\\n\" \"${KEY#?????????}\"'");
    screen.until("half");
    assert!(!screen.shows().contains(&KEY[..9]), "{}", screen.shows());
    screen.key("Enter");
    // Its echo came between the two halves, so that the first is no value and is let go.
    screen.when(|shown| shown.contains(&format!("half {}", &KEY[..9])));
}

#[test]
fn each_stream_stays_what_it_was() {
    let sandbox = vault();
    let Some(screen) = Screen::new(&sandbox, "streams") else { return };
    let ask = "for i in 0 1 2; do test -t $i && echo terminal $i >>told; done; echo $KEY; echo $KEY >&2; true";
    let cases = [
        ("", "terminal 0\nterminal 1\nterminal 2\n"),
        ("2>err", "terminal 0\nterminal 1\n"),
        (">out", "terminal 0\nterminal 2\n"),
        ("</dev/null", "terminal 1\nterminal 2\n"),
        (">out 2>err", "terminal 0\n"),
        ("2>err </dev/null | cat", ""),
    ];
    for (number, (streams, expected)) in cases.iter().enumerate() {
        screen.line(&format!("clear; : >told; $V sh -c '{ask}' {streams}; echo done={number}"));
        let shown = screen.until_line(&format!("done={number}"));
        let told = std::fs::read_to_string(sandbox.path("work/told")).unwrap();
        assert_eq!(told, *expected, "{streams}");
        for file in ["out", "err"].iter().filter(|file| streams.contains(*file)) {
            let text = std::fs::read_to_string(sandbox.path("work").join(file)).unwrap();
            assert_eq!(text, format!("{KEY_MARK}\n"), "{streams}");
        }
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[test]
fn less_and_vim_work() {
    let sandbox = vault();
    let Some(screen) = Screen::new(&sandbox, "less_and_vim_work") else { return };
    screen.line("for i in $(seq 100); do echo line $i; done >many; echo before");
    screen.until_line("before");
    screen.line("$V sh -c '{ echo first $KEY; cat many; echo last $KEY; } | less'; echo code=$?");
    screen.when(|shown| shown.starts_with(&format!("first {KEY_MARK}\nline 1\n")));
    screen.key("G");
    screen.when(|shown| shown.contains(&format!("line 100\nlast {KEY_MARK}\n")));
    screen.key("g");
    screen.when(|shown| shown.starts_with("first"));
    screen.key("q");
    // The screen that was there before is back.
    assert!(screen.until_line("code=0").contains("before"));
    screen.line("clear; $V sh -c 'echo top $KEY >file; cat many >>file; exec vim -u NONE -N file'; echo code=$?");
    screen.when(|shown| shown.starts_with(&format!("top {KEY_MARK}\nline 1\n")));
    screen.key("G");
    screen.when(|shown| shown.contains("line 100"));
    screen.keys("ohello there");
    screen.key("Escape");
    screen.when(|shown| shown.contains("line 100\nhello there"));
    screen.line(":wq");
    screen.until_line("code=0");
    let file = std::fs::read_to_string(sandbox.path("work/file")).unwrap();
    assert!(file.starts_with(&format!("top {KEY}\n")) && file.ends_with("line 100\nhello there\n"));
    screen.line("clear; echo sane");
    screen.until_line("sane");
}
