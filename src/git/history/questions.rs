use crate::git::history::pathspec::Pathspecs;
use crate::git::history::query_set::QuerySet;

/// Questions about history: each about the paths of some parts. Many share parts (an image's question is also about
/// the paths of all that it is built from), so those are kept once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    parts: Vec<Pathspecs>,
    about: Vec<QuerySet>,
}

impl Questions {
    /// One question for each part, so far about that alone.
    pub(crate) fn new(parts: Vec<Pathspecs>) -> Self {
        let alone = |part| {
            let mut about = QuerySet::new(parts.len());
            about.insert(part);
            about
        };
        let about = (0..parts.len()).map(alone).collect();
        Self { parts, about }
    }

    pub(crate) fn add_part(&mut self, question: usize, part: usize) {
        self.about[question].insert(part);
    }

    /// A question is also about everything that another one is about by now.
    pub(crate) fn add_question(&mut self, question: usize, other: usize) {
        if question != other
            && let Ok([question, other]) = self.about.get_disjoint_mut([question, other])
        {
            question.add(other);
        }
    }

    pub(in crate::git) fn len(&self) -> usize {
        self.about.len()
    }

    pub(in crate::git) fn parts(&self) -> &[Pathspecs] {
        &self.parts
    }

    pub(in crate::git) fn parts_of(&self, question: usize) -> &QuerySet {
        &self.about[question]
    }

    pub(in crate::git) fn by_part(&self) -> Vec<QuerySet> {
        let mut by_part = vec![QuerySet::new(self.len()); self.parts.len()];
        for (question, about) in self.about.iter().enumerate() {
            about.iter().for_each(|part| by_part[part].insert(question));
        }
        by_part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_may_take_over_another_s_parts() {
        let part = |path: &str| Pathspecs::literal([path.into()]);
        let mut questions = Questions::new(vec![part("a"), part("b"), part("c")]);
        questions.add_part(1, 0);
        questions.add_question(2, 1);
        questions.add_question(0, 0);
        let parts = |question| questions.parts_of(question).iter().collect::<Vec<_>>();
        assert_eq!([parts(0), parts(1), parts(2)], [vec![0], vec![0, 1], vec![0, 1, 2]]);
        let asking: Vec<Vec<usize>> = questions.by_part().iter().map(|set| set.iter().collect()).collect();
        assert_eq!(asking, [vec![0, 1, 2], vec![1, 2], vec![2]]);
    }
}
