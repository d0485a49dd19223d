# The two set-up commands, and the benchmarks. Everything else is cargo's.
.PHONY: demo test bench soak

# Shows the main job on a sample checkout; starts a Docker engine if none answers.
demo:
	.ci/demo

# Formatting, lints and all tests, those on real engines included.
test:
	.ci/test

# Prints ratios to git and buildx; see docs/testing.md.
bench:
	.ci/bench

# Random checkouts until it is stopped, or for MINUTES=30, STEPS=2000 or ATTACKS=110; see docs/testing.md.
soak:
	.ci/soak $(if $(STEPS),$(STEPS) steps,$(if $(ATTACKS),$(ATTACKS) attacks,$(MINUTES)))
