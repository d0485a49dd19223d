# The two set-up commands, and the benchmarks. Everything else is cargo's.
.PHONY: help demo test bench soak

# What there is.
help:
	@echo 'make demo    shows the main job on a sample checkout; starts a Docker engine if none answers'
	@echo 'make test    formatting, lints and all tests, those on real engines included'
	@echo 'make bench   ratios to git and buildx, measured side by side'
	@echo 'make soak    random checkouts until it is stopped; MINUTES=30, STEPS=2000, ATTACKS=110'
	@echo
	@echo 'cargo install --path .   installs shipwright; cargo test, cargo doc and the rest are cargo'"'"'s'

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
