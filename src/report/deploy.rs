use crate::ops::{Deployed, DeployedRevision, Moved, Revisions};
use crate::printable::printable;

/// What came of a deployment, or would; nothing where it failed, which was told.
pub(crate) fn deployed_text(deployed: &Deployed) -> String {
    match deployed {
        Deployed::Unchanged(moved) => {
            format!("{} runs {} already\n", printable(&moved.container), printable(&moved.image))
        }
        Deployed::Done(moved) => {
            format!("{} runs {}{}\n", printable(&moved.container), printable(&moved.image), with(moved))
        }
        Deployed::Difference(moved, lines) => {
            let head = format!(
                "{} would get {}{}\n",
                printable(&moved.container),
                printable(&moved.image),
                with(moved)
            );
            let lines = lines.iter().map(|line| format!("{}\n", printable(line)));
            head + &lines.collect::<String>()
        }
        Deployed::Later(moved, later) => {
            let (container, image) = (printable(&moved.container), printable(&moved.image));
            let how = later.how;
            let gone = match later.from.as_str() {
                "" => String::new(),
                from => format!("- Image: {}\n", printable(from)),
            };
            format!(
                "{container} would get {image}, which is not on the engine yet: it would be {how}\n{gone}+ Image: {image}\n\
                 What else changes is known once it is there.\n"
            )
        }
        Deployed::Failed(_) => String::new(),
    }
}

fn with(moved: &Moved) -> String {
    if moved.with.is_empty() {
        return String::new();
    }
    format!("; made anew with it: {}", printable(&moved.with.join(", ")))
}

/// What a container runs and ran before, a line each.
pub(crate) fn revisions_text(revisions: &Revisions) -> String {
    let line = |word: &str, revision: &DeployedRevision| {
        let id = revision.image.trim_start_matches("sha256:");
        let id = id.get(..12).unwrap_or(id);
        let since = revision.created.get(..19).map(|time| format!("  {time}")).unwrap_or_default();
        let gone = if revision.is_here { "" } else { "  (not on the engine any more)" };
        format!("{word:<8}  {id}  {}{since}{gone}\n", printable(&revision.reference))
    };
    let previous = revisions.previous.as_ref().map(|previous| line("previous", previous));
    line("current", &revisions.current) + &previous.unwrap_or_else(|| "previous  not known\n".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_image_that_is_not_there_the_name_is_known() {
        let moved = Moved { container: "api".to_owned(), image: "acme/api:2".to_owned(), with: Vec::new() };
        let later = crate::ops::Later { from: "acme/api:1".to_owned(), how: "pulled" };
        assert_eq!(
            deployed_text(&Deployed::Later(moved, later)),
            "api would get acme/api:2, which is not on the engine yet: it would be pulled\n\
             - Image: acme/api:1\n+ Image: acme/api:2\nWhat else changes is known once it is there.\n"
        );
    }

    #[test]
    fn what_a_container_ran_is_listed() {
        let revision = |reference: &str, is_here| DeployedRevision {
            reference: reference.to_owned(),
            image: format!("sha256:{}", "ab".repeat(32)),
            created: "2026-11-28T20:50:24.5Z".to_owned(),
            is_here,
        };
        let revisions = Revisions {
            container: "api".to_owned(),
            current: revision("acme/api:2", true),
            previous: Some(revision("acme/api:1", false)),
        };
        assert_eq!(
            revisions_text(&revisions),
            "current   abababababab  acme/api:2  2026-11-28T20:50:24\n\
             previous  abababababab  acme/api:1  2026-11-28T20:50:24  (not on the engine any more)\n"
        );
    }
}
