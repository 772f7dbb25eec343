/** docs/guide/troubleshooting.md has an entry for each alert, each alert links to its entry, and has tests of its rule. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { read, section } from "./markdown.ts";

interface Alert {
  readonly alert: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const { groups } = parse(read("deploy/prometheus/alerts.yaml")) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const runbook = section(read("docs/guide/troubleshooting.md"), "## Alerts");

Deno.test("the runbook's entries are the alerts, in their order", () => {
  const entries = [...runbook.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
  assertEquals(entries, alerts.map(({ alert }) => alert));
});

interface RuleTest {
  readonly alertname: string;
  readonly exp_alerts?: readonly unknown[];
}

Deno.test("promtool tests each alert, both when it fires and when it does not", () => {
  const { tests } = parse(read("deploy/prometheus/alerts_test.yaml")) as { tests: { alert_rule_test: RuleTest[] }[] };
  const tested = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  for (const fires of [true, false]) {
    const names = tested.filter(({ exp_alerts = [] }) => exp_alerts.length > 0 === fires).map((one) => one.alertname);
    assertEquals(new Set(names), new Set(alerts.map(({ alert }) => alert)));
  }
});

for (const { alert, annotations } of alerts) {
  Deno.test(`${alert} links to its entry in the runbook, which says what to do`, () => {
    assertEquals(annotations.runbook_url, `docs/guide/troubleshooting.md#${alert.toLowerCase()}`);
    const steps = [...section(runbook, `### ${alert}`).matchAll(/^- /gm)];
    assert(steps.length >= 2, "fewer than two things to look at");
  });
}
