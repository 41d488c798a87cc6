// Package webui renders recordings as Kazoo's web interfaces do, in headless Chromium.
// Each recording enters in a different way, and each must be a row of the table. Such
// interfaces call methods on fields without checking that the fields exist, so one
// document without a field empties the whole table. docs/contract.md, The document,
// lists these fields.
//
// The test has the build tag e2e and needs Chromium ($CHROMIUM, default chromium) and
// npm, which installs Handlebars. It starts make run itself.
//
// TestTable renders testdata/table.html. TestMonsterUI renders apps of the real
// monster-ui with their own code and templates. They are not part of this repository,
// so e2e/run does not run it; it fails without these variables:
//
//	MONSTER_UI       the src folder of a checkout of 2600hz/monster-ui
//	MONSTER_UI_APPS  names of recordings apps in its folder apps, separated by commas
//
// It passed with monster-ui at 3c00cf7, bpbp-boop/monster-ui-recordings-community at
// cbb40a7 and kazoo-classic/monster-ui-recordings at 571c21d. Without callee_id_number,
// the first of the two apps throws a TypeError and shows no row.
package webui
