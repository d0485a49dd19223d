# The two set-up commands. Everything else is cargo's.
.PHONY: demo test

# Shows the main job on a sample checkout; starts a Docker engine if none answers.
demo:
	.ci/demo

# Formatting, lints and all tests, those on real engines included.
test:
	.ci/test
