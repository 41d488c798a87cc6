# Call recordings API. `make` without a target lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

ARGS ?=
FUZZTIME ?= 5s
ARCH ?= arm64
LANES ?= local cloud
TOOL := go tool -modfile=tools/go.mod

# Packages without I/O. Their test coverage must be at least COVER_FLOOR %.
PURE := ./shared/recording ./shared/strictjson ./shared/cursor ./shared/auth ./shared/httpfield ./shared/csvtable ./shared/incoming
COVER_FLOOR := 90

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## run the API on this machine with demo recordings (ARGS=--empty: without; PORT, HOST, DATA_DIR)
	@./tools/compile && exec bin/local $(ARGS)

# golangci-lint vets the code, so the tests do not.
.PHONY: test
test: ## run all tests; needs only Go
	go test -vet=off ./...

# -short leaves out large tests that do one thing after another, in which there is no race to find;
# `make test` runs them. Checks of pointers in SQLite, which is translated from C, would take a
# quarter of the time.
.PHONY: test-race
test-race: ## run the tests of all packages with goroutines or locks with the race detector, in random order
	CGO_ENABLED=1 go test -race -short -gcflags='modernc.org/...=-d=checkptr=0' -vet=off -shuffle=on $$(./tools/concurrent)

.PHONY: cover
cover: ## print the coverage of the packages in PURE; each must reach COVER_FLOOR
	@go test -vet=off -cover $(PURE) | awk -v floor=$(COVER_FLOOR) ' \
	  $$1 != "ok" { print; bad = 1; next } \
	  { print "  " $$2, $$5 } \
	  $$5 + 0 < floor { print $$2 ": want at least " floor " %"; bad = 1 } \
	  END { exit bad }'

# GOGC saves time and costs memory.
.PHONY: lint
lint: ## run golangci-lint, pinned in tools/go.mod
	GOGC=200 $(TOOL) golangci-lint run ./...

.PHONY: fmt
fmt: ## format the code
	$(TOOL) golangci-lint fmt ./...

.PHONY: golden
golden: ## rewrite the golden files and show the changes
	@for p in $$(grep -lr --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u); do go test $$p -update; done
	git diff --stat

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME
	@./tools/fuzz $(FUZZTIME)

.PHONY: kills
kills: ## make 100,000 random changes while runs of the index die, and compare index, totals and recordings (CHANGES)
	SEARCH_CHANGES=$(or $(CHANGES),100000) go test -count=1 -timeout 2h -run TestKills ./shared/search

.PHONY: isolation
isolation: ## send a million hostile requests, and compare 100,000 decisions with Cedar (REQUESTS, COMBINATIONS, SEED)
	REQUESTS=$(or $(REQUESTS),1000000) COMBINATIONS=$(or $(COMBINATIONS),100000) \
	go test -count=1 -v -timeout 2h -tags e2e ./e2e/isolation

.PHONY: load
load: ## send far more requests to make run than it can answer, beside slow and idle clients (CLIENTS, SECONDS)
	CLIENTS=$(or $(CLIENTS),1000) SECONDS=$(or $(SECONDS),60) go test -count=1 -v -timeout 2h -tags e2e ./e2e/load

.PHONY: feed-soak
feed-soak: ## make a million random changes with kills, and compare the feed with the table (FEED_CHANGES)
	FEED_CHANGES=$(or $(FEED_CHANGES),1000000) go test -count=1 -timeout 2h -run TestClientEqualsTheTable -v ./shared/feed

.PHONY: model
model: ## check the model of how recordings come, go and come back: two processes of each kind, in minutes
	go run ./model

.PHONY: simulate
simulate: ## simulate ten years of users, sweeps, crashes and clocks that jump (DAYS, SEED)
	go test -count=1 -v -timeout 3h ./model/simulate -run TestNothing -days $(or $(DAYS),3650) -seed $(or $(SEED),1)

.PHONY: faults
faults: ## make every call of every operation fail in every way, and kill the process there; in minutes (ONLY, SAMPLE, SEED, CASE)
	go test -vet=off -count=1 -v -timeout 3h ./faults -run 'TestFaults$$' $(if $(CASE),-case $(CASE)) $(if $(ONLY),-only '$(ONLY)') -sample $(or $(SAMPLE),1) -seed $(or $(SEED),1)

# Hours for all packages, and minutes for a small one. See docs/adr/033-mutants.md.
.PHONY: mutate
mutate: ## change the code in one place at a time, and list the changes that no test notices (PKG, FILES; NAMED=. for the named ones)
	go run ./mutate $(if $(NAMED),-named '$(NAMED)') $(if $(FILES),-files '$(FILES)') $(PKG)

.PHONY: bench
bench: ## run the benchmarks and compare them with their floors and budgets
	@./bench/run

.PHONY: bench-cmp
bench-cmp: ## compare the benchmarks of this tree with BASE (default main), using benchstat
	@./bench/compare $(or $(BASE),main)

# The first run makes a file of 9 GB in the folder for temporary files.
.PHONY: bench-search
bench-search: ## measure searches, totals and the feed: a million recordings in SQLite, and 20,000 with DYNAMODB_ENDPOINT (RECORDINGS, DYNAMODB_RECORDINGS)
	RECORDINGS=$(or $(RECORDINGS),1000000) DYNAMODB_RECORDINGS=$(or $(DYNAMODB_RECORDINGS),20000) \
	go test -run '^$$' -bench 'SQLite|DynamoDB' -benchtime 200x -timeout 2h ./shared/search ./shared/feed

.PHONY: bench-jobs
bench-jobs: ## delete and export a million recordings by jobs whose workers are killed (RECORDINGS)
	RECORDINGS=$(or $(RECORDINGS),1000000) go test -run '^$$' -bench Jobs -benchtime 1x -timeout 3h ./shared/bulk

.PHONY: deps
deps: ## rewrite alldeps, the list of all modules in the binaries
	@go list -deps -f '{{with .Module}}{{.Path}} {{.Version}}{{end}}' ./functions/... ./local ./cmd/... | grep ' v' | sort -u > alldeps
	@git --no-pager diff --stat -- alldeps

.PHONY: vuln
vuln: ## check for known vulnerabilities; only warns if the database is unreachable
	@./tools/vuln || [ $$? = 75 ]

# go.mod is in the root folder, so SAM uses its own Go builder, which reads these
# options from GOFLAGS.
.PHONY: build
build: export CGO_ENABLED := 0
build: export GOFLAGS := -trimpath -tags=lambda.norpc -ldflags=-s -buildvcs=false
build: ## build the functions with SAM into .aws-sam/build, for ARCH (arm64 or x86_64)
	@# SAM runs one go build for each function at the same time. On an empty build
	@# cache, each would compile the packages that they share.
	export GOOS=linux GOARCH=$(patsubst x86_64,amd64,$(ARCH)); \
	go build $$(go list -deps -f '{{if and .GoFiles (ne .Name "main")}}{{.ImportPath}}{{end}}' ./functions/...)
	sam build --parameter-overrides Architecture=$(ARCH)

.PHONY: release
release: ## build archives for Linux, macOS and Windows, checksums and SBOMs into dist (VERSION, TARGETS)
	@mkdir -p dist/bin
	@go build -modfile=tools/go.mod -trimpath -buildvcs=false -o dist/bin/ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	go run ./release -out dist -sbom dist/bin/cyclonedx-gomod $(if $(VERSION),-version $(VERSION)) $(if $(TARGETS),-targets $(TARGETS))

.PHONY: image
image: ## build the container image of the single-box edition from the archives' programs
	@./tools/image $(VERSION)

.PHONY: validate
validate: ## check the templates with SAM, cfn-lint and checkov (.checkov.yaml)
	@./tools/validate

.PHONY: deploy
deploy: ## deploy the stack of ENV=dev, staging, prod or localstack (YES=1: ask nothing; PREVIEW=1: only show the changes)
	@./tools/deploy "$(ENV)"

.PHONY: deploy-check
deploy-check: ## check what a deployment of ENV needs, and change nothing
	@./tools/deploy-check "$(ENV)"

.PHONY: deploy-policy
deploy-policy: ## print the IAM policy that deploying ENV needs
	@./tools/deploy-policy "$(ENV)"

.PHONY: destroy
destroy: ## delete the stack of ENV, but not its table and bucket
	@./tools/destroy "$(ENV)"

.PHONY: reattach
reattach: ## make a new stack of ENV with the table and the bucket that make destroy left
	@./tools/reattach "$(ENV)"

.PHONY: e2e
e2e: ## run the end-to-end tests on make run, sam local and LocalStack (LANES=local: only make run, cloud: the others)
	@./e2e/run $(LANES)

.PHONY: schemathesis
schemathesis: ## send thousands of generated requests to a local server; needs Python (ARGS, SEED)
	@./tools/schemathesis $(ARGS)

.PHONY: smoke
smoke: ## run the read-only part of the suite on URL with TOKEN
	@: "$${URL:?set URL to the address of the API}" "$${TOKEN:?set TOKEN to a token of an account}"
	go test -count=1 ./e2e -run TestSmoke -v

.PHONY: hooks
hooks: ## enable the pre-commit hook
	git config core.hooksPath .githooks

.PHONY: ci
ci: ## run all checks of CI (.ci/run)
	./.ci/run
