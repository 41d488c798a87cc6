# Call recordings API. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

ARGS ?=
FUZZTIME ?= 5s
TOOL := go tool -modfile=tools/go.mod

# Packages that only compute; they keep their coverage above COVER_FLOOR %.
PURE := ./shared/recording ./shared/strictjson ./shared/cursor ./shared/auth
COVER_FLOOR := 90

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## the API on this machine, with demo recordings (ARGS=--empty: without; PORT, HOST, DATA_DIR)
	@go build -o bin/ ./local && exec bin/local $(ARGS)

.PHONY: test
test: ## all tests; needs nothing but Go
	go test ./...

.PHONY: test-race
test-race: ## all tests under the race detector, shuffled
	go test -race -shuffle=on ./...

.PHONY: cover
cover: ## coverage by package; the pure ones must stay above their floor
	@go test -cover ./shared/... ./cmd/... ./local/... | awk '{ print } $$1 == "FAIL" { bad = 1 } END { exit bad }' | awk '$$1 == "ok" { print "  " $$2, $$5 }'
	@for p in $(PURE); do \
	  got=$$(go test -cover $$p | sed -n 's/.*coverage: \([0-9]*\)\..*/\1/p'); \
	  [ "$${got:-0}" -ge $(COVER_FLOOR) ] || { echo "$$p: $${got:-0} % covered, floor $(COVER_FLOOR) %" >&2; exit 1; }; \
	done

.PHONY: lint
lint: ## golangci-lint, pinned in tools/go.mod
	$(TOOL) golangci-lint run ./...

.PHONY: fmt
fmt: ## format the code
	$(TOOL) golangci-lint fmt ./...

.PHONY: golden
golden: ## rewrite golden files, then show what changed
	@for p in $$(grep -lr --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u); do go test $$p -update; done
	git diff --stat

.PHONY: fuzz
fuzz: ## every fuzz target, one after another, FUZZTIME each
	@./tools/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## benchmarks, each next to its floor, as ratios against the budgets
	@./bench/run

.PHONY: bench-cmp
bench-cmp: ## benchmarks of this tree against BASE (default main), by benchstat
	@./bench/compare $(or $(BASE),main)

.PHONY: deps
deps: ## rewrite alldeps, the list of every module that the binaries link
	@go list -deps -f '{{with .Module}}{{.Path}} {{.Version}}{{end}}' ./functions/... ./local ./cmd/... | grep ' v' | sort -u > alldeps
	@git --no-pager diff --stat -- alldeps

.PHONY: vuln
vuln: ## known vulnerabilities in what we link; a warning when the database has no address
	@./tools/vuln

# go.mod lies at the root, so SAM's own Go builder takes these from GOFLAGS.
.PHONY: build
build: export CGO_ENABLED := 0
build: export GOFLAGS := -trimpath -tags=lambda.norpc -ldflags=-s -buildvcs=false
build: ## the functions, by SAM, into .aws-sam/build
	sam build $(SAM_BUILD_FLAGS)

.PHONY: validate
validate: ## the templates, by SAM, cfn-lint and checkov (.checkov.yaml)
	sam validate --lint
	sam validate --lint --template front/cloudfront.yaml
	"$$(./tools/venv checkov)/checkov" --config-file .checkov.yaml

.PHONY: deploy
deploy: ## the stack of ENV=dev, staging, prod or localstack; the first time it asks
	@./tools/deploy "$(ENV)"

.PHONY: destroy
destroy: ## delete the stack of ENV; its table and bucket stay
	@./tools/destroy "$(ENV)"

.PHONY: e2e
e2e: ## the black-box suite against make run, sam local and LocalStack, with everything they need
	@./e2e/run

.PHONY: schemathesis
schemathesis: ## thousands of requests made of the definition, against a local server; needs Python (ARGS, SEED)
	@./tools/schemathesis $(ARGS)

.PHONY: smoke
smoke: ## the read-only part of the suite against URL with TOKEN
	go test -count=1 ./e2e -run TestSmoke -v

.PHONY: hooks
hooks: ## switch the pre-commit hook on
	git config core.hooksPath .githooks

.PHONY: ci
ci: ## what .ci/run runs, in the same order
	./.ci/run
