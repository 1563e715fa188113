PYTHON ?=
VENV   ?= .venv
# what `make demo` runs
DEMO   ?= autodiffusion_search --steps 4 --sampler dpmpp_2m --preset quick --many 20 --seed 0 --out runs/demo
# notebooks to test (default: all), and test flags that are otherwise skipped: cuda, slow
NB     ?=
FLAGS  ?=
# seconds after which notebooks that still run are stopped; slow cells of studies take hours
LIMIT  ?= 1800

BIN  := $(abspath $(VENV))/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check -qq
USER := $(VENV)/.stamp-user
DEV  := $(VENV)/.stamp-dev
# an editable installation serves the demo as well; installing over it would hide later changes from the tests
HAVE := $(if $(wildcard $(DEV)),$(DEV),$(USER))
CODE := $(wildcard autodiffusion/*.py autodiffusion/data/*)

.PHONY: help demo test docs readme prepare clean distclean
.NOTPARALLEL:

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1@/p' $(MAKEFILE_LIST) | awk -F@ '{printf "make %-10s %s\n", $$1, $$2}'

demo: $(HAVE) ## install the package into .venv and run a small search
	@echo "For the same with images, in another window: $(VENV)/bin/autodiffusion_watch runs/demo --browser"
	PATH="$(BIN):$$PATH" $(DEMO)

test: $(DEV) ## run every notebook as a test (NB=nbs/00_schedule.ipynb: only that one; FLAGS=slow LIMIT=36000: slow cells too, for up to ten hours)
	@$(BIN)/python .ci/test_notebooks.py --limit $(LIMIT) --flags "$(FLAGS)" $(NB)

docs: $(DEV) readme ## build the site into _docs, with Quarto if there is one, else with Sphinx
	@$(BIN)/python .ci/docs.py

readme: $(DEV) ## write README.md from nbs/index.ipynb
	@$(BIN)/python .ci/readme.py

prepare: $(DEV) ## before a commit: clean the notebooks, export the modules, write README.md
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_export
	@$(BIN)/python -c 'from nbdev.quarto import refresh_quarto_yml as f; f()'
	@$(BIN)/python .ci/readme.py

clean: ## remove what was built (.venv and runs stay)
	rm -rf build dist _proc _docs _site *.egg-info autodiffusion/__pycache__

distclean: clean ## remove .venv too
	rm -rf $(VENV)

$(BIN)/python:
	@for p in $(or $(PYTHON),python3.11 python3.12 python3.13 python3); do \
	  "$$p" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || continue; \
	  echo "Creating $(VENV) with $$("$$p" --version) ..."; \
	  "$$p" -m venv "$(VENV)" && exit 0; \
	  rm -rf "$(VENV)"; exit 1; \
	done; \
	echo "No usable Python 3.11, 3.12 or 3.13 with its venv module among: $(or $(PYTHON),python3.11 python3.12 python3.13 python3)." >&2; \
	echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1

$(USER): settings.ini setup.py $(CODE) | $(BIN)/python
	@echo "Installing the package and PyTorch into $(VENV) (about two minutes the first time) ..."
	@rm -rf build  # left there, it would bring back modules that are gone
	@$(PIP) install .
	@rm -f $(DEV); touch $@

$(DEV): settings.ini setup.py | $(BIN)/python
	@echo "Installing the package, PyTorch and the tools for development into $(VENV) (about two minutes the first time) ..."
	@$(PIP) install -e '.[dev]'
	@rm -f $(USER); touch $@
