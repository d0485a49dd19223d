use crate::plan::Plan;
use crate::printable::printable;
use crate::project::Project;

/// `NAME:src-KEY` of each image of a plan, one a line; `verbose` adds the Dockerfile, where the name comes from, and all
/// tags. `images` are the indices of the plan's steps in the project.
pub(crate) fn images_text(project: &Project, plan: &Plan, images: &[usize], verbose: bool) -> String {
    let mut text = String::new();
    for (step, at) in plan.steps.iter().zip(images) {
        let Some(reference) = &step.reference else { continue };
        text.push_str(&format!("{reference}\n"));
        if !verbose {
            continue;
        }
        let image = &project.images[*at];
        text.push_str(&format!(
            "    {}\n    name from {}, namespace {} from {}\n",
            image.dockerfile,
            image.name.source.describe(),
            printable(&project.namespace.value),
            project.namespace.source.as_str(),
        ));
        for tag in &step.tags {
            text.push_str(&format!("    {}\n", step.tagged(tag)));
        }
    }
    text
}
