/** The page at the admin address, in a real headless browser. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { configFile } from "../support/programs/process.ts";
import { shared, testWith } from "../support/programs/programs.ts";
import { connect } from "../support/programs/tcp.ts";
import { type Locator, openPage, type Page, type Scene, sendDatagrams, shareBrowser, transfer } from "./page.ts";

shareBrowser();

/** A scene for tests in the order of what they leave: nothing, sessions that were, a break, and a flow that is open. */
const opened = shared(() => openPage({}, { clientFlags: ["--associations", "1"] }));

/** The scene once it shows no session: the one before ends a moment after its test. */
async function usual(): Promise<Scene> {
  const scene = await opened();
  await shows(scene.page.locator("#figure-sessions"), /^0$/);
  return scene;
}

/**
 * A scene whose second channel leads nowhere. Tests leave sessions that were refused, after a short wait, and the last one
 * ends the client handler.
 */
const separated = shared(async () => {
  await using making = new AsyncDisposableStack();
  const { file } = making.use(await configFile("timeouts: {handshake: 1s}\n"));
  const scene = making.use(await openPage({}, { flags: ["--config", file] }));
  scene.relay.admits = false;
  const made = making.move();
  return { ...scene, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

/** Connects an application, and waits for its end. */
async function refusedAt(entry: Address): Promise<void> {
  using application = await connect(entry);
  await application.read(new Uint8Array(1)).catch(() => null);
}

const lane = (page: Page, channel: number): Locator => page.locator(".lane").nth(channel - 1);

/** Waits until an element's text matches. */
function shows(part: Locator, text: RegExp): Promise<void> {
  return part.filter({ hasText: text }).waitFor();
}

testWith(["chromium"], "the page is dark if the browser prefers dark, and fits a phone", async () => {
  const scene = await usual(), { page } = scene, usualSize = page.viewportSize()!;
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 360, height: 740 });
  await page.reload();
  await page.locator(".lane").nth(2).waitFor();
  assertEquals(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(15, 19, 26)");
  assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 360);
  await page.emulateMedia({ colorScheme: "light" });
  assertEquals(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(244, 245, 247)");
  await page.setViewportSize(usualSize);
  assertEquals(scene.complaints, []);
});

testWith(["chromium"], "refused records and waits for credit are shown if there were any", async () => {
  const scene = await usual();
  const { page } = scene;
  await page.locator(".lane").nth(2).waitFor();
  const texts = (refusedRecords: number, creditWaits: number) =>
    page.evaluate(`(() => {
      showTotals(${JSON.stringify({ refusals: {}, refusedRecords, creditWaits })});
      return ["refused-records", "credit-waits"].map((id) => byId(id)).map((at) => at.hidden ? null : at.textContent);
    })()`);
  assertEquals(await texts(0, 0), [null, null]);
  assertEquals(await texts(2, 3), ["Refused records: 2. Data was altered on a channel.", "Waits for credit: 3"]);
});

testWith(["chromium"], "a transfer moves the lanes and appears as a session", async () => {
  const scene = await usual();
  const { page } = scene;
  assertEquals(await page.locator(".lane").count(), 3);
  await page.locator(".lane.unused").nth(2).waitFor();
  await using _transfer = await transfer(scene);
  await page.locator(".lane.flowing").nth(2).waitFor();
  const chart = lane(page, 1).locator(".chart");
  const before = (await chart.screenshot()).toHex();
  // The first displayed second may contain only the session's beginning.
  for (const channel of [1, 2, 3]) await shows(lane(page, channel).locator("dd.out"), /[kMG]B\/s$/);
  await shows(page.locator("#session-rows tr"), /web:80/);
  await shows(page.locator("#figure-sessions"), /^1$/);
  // The association with a session comes first; its third column is its shares, and its fourth the sessions' number.
  await shows(page.locator("#association-rows tr").first().locator("td:nth-child(3)"), /^full$/);
  await shows(page.locator("#association-rows tr").first().locator("td:nth-child(4)"), /^1$/);
  await shows(page.locator("#association-rows tr").first(), /web/);
  // The next second is drawn, and announced to screen readers.
  const first = await chart.getAttribute("aria-label");
  await lane(page, 1).locator(`.chart:not([aria-label="${first}"])`).waitFor();
  assertNotEquals((await chart.screenshot()).toHex(), before);
  assertEquals(scene.complaints, []);
});

testWith(["chromium"], "the whole page is accessible by keyboard, and each part has a name", async () => {
  const scene = await usual();
  const { page } = scene;
  await page.locator(".lane").nth(2).waitFor();
  const reached: string[] = [];
  await using _transfer = await transfer(scene);
  await page.locator("#session-rows tr").waitFor();
  for (let presses = 0; presses < 8; presses++) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate(`(() => {
        const { activeElement: at } = document;
        const by = at.getAttribute("aria-labelledby");
        const label = at.getAttribute("aria-label") ?? at.labels?.[0]?.firstChild.textContent;
        return label?.trim() ?? (by ? document.getElementById(by) : at).textContent;
      })()`),
    );
  }
  assertEquals(reached.slice(0, 1), ["Skip to channels"]);
  assertEquals(reached.slice(1, 4).map((name) => name.replace(/ at .*:\d+: .*/, "")), [
    "web channel 1",
    "web channel 2",
    "web channel 3",
  ]);
  assertEquals(reached.slice(4), ["Associations", "Sessions", "Level", "Events"]);
});

testWith(
  ["chromium"],
  "a broken channel turns its lane amber while its association waits, and then goes on",
  async () => {
    const scene = await usual();
    const { page, relay } = scene;
    await using _transfer = await transfer(scene);
    await page.locator(".lane.flowing").nth(2).waitFor();
    const reset = await page.locator("#figure-reset").textContent();
    const breaks = lane(page, 2).locator(".breaks");
    assertEquals(await breaks.isVisible(), false);
    // More than the first credit: both sides have agreed by then that channels are joined again.
    await relay.carries(1_000_000);
    relay.admits = false;
    relay.cut("reset", 100);
    await page.locator(".lane.away").waitFor();
    assertMatch((await lane(page, 2).getAttribute("class"))!, /away/);
    assertEquals(await lane(page, 2).locator(".state").textContent(), "away");
    await shows(
      breaks,
      /^1 association waits for it\. It broke \d+ s ago: .*reset.*\. Broke 1 time, joined again 0 times$/i,
    );
    const amber = "getComputedStyle(document.querySelector('.lane.away')).borderTopColor";
    assertEquals(await page.evaluate(amber), "rgb(138, 90, 0)");
    await shows(page.locator("#event-list li.warn").first(), /channel broken.*channel=2 /);
    relay.admits = true;
    await page.locator(".lane.flowing").nth(2).waitFor();
    await shows(breaks, /^Broke 1 time, joined again 1 time$/);
    await shows(page.locator("#event-list li.info").first(), /channel joined again.*channel=2 /);
    assertEquals(await page.locator("#figure-reset").textContent(), reset);
    assertEquals(scene.complaints, []);
  },
);

testWith(
  ["chromium"],
  "flows are shown beside sessions, and datagrams by how many were sent, received and dropped",
  async () => {
    const scene = await usual();
    const { page, pair, udpRelay } = scene, section = page.locator("#datagram-section");
    const figure = (name: string) => page.locator(`#figure-${name}`);
    await page.locator(".lane").nth(2).waitFor();
    assertEquals(await section.isVisible(), false);
    assertEquals(pair.client.logged("ready")[0]!["udp-forwards"], formatAddress(pair.udpEntry));
    using _datagrams = sendDatagrams(scene, 1000);
    await section.waitFor();
    await shows(figure("flows"), /^1$/);
    for (const direction of ["out", "in"]) await shows(figure(`datagrams-${direction}`), /^\d+ kB\/s$/);
    for (const count of ["sent", "received"]) await shows(figure(`datagrams-${count}`), /^[1-9]\d*$/);
    await shows(page.locator("#session-rows tr"), /web:53\/udp/);
    await shows(page.locator("#figure-sessions"), /^1$/);
    assertEquals(await page.locator("#forged").isVisible(), false);
    udpRelay.answer = (bytes) => void (bytes[20]! ^= 1);
    await shows(page.locator("#forged"), /^Forged datagrams: [1-9]\d*\. Packets on a channel were altered\.$/);
    await shows(page.locator("#dropped"), /^Dropped: .*forged [1-9]\d*$/);
    await shows(figure("datagrams-dropped"), /^[1-9]/);
    await shows(page.locator("#event-list li.warn").first(), /datagram forged.*server=web/);
    assertEquals(scene.complaints, []);
  },
);

testWith(["chromium"], "refused connections are counted by reason, and the page names the host", async () => {
  const scene = await separated();
  const { page, pair } = scene;
  await shows(page.locator("#figure-refused"), /^0$/);
  assertEquals(await page.locator("#refusals").isVisible(), false);
  await refusedAt(pair.entry);
  await shows(page.locator("#figure-refused"), /^1$/);
  await shows(page.locator("#refusals"), /^Refused: no-association 1$/);
  assert((await page.locator("#facts").textContent())!.startsWith(`${Deno.hostname()}, `));
});

testWith(
  ["chromium"],
  "a channel that prevents an association turns its lane red, and the event names it",
  async () => {
    const scene = await separated();
    const { page, pair } = scene;
    await page.locator(".lane").nth(2).waitFor();
    await refusedAt(pair.entry);
    await page.locator(".lane.failed").waitFor();
    assertMatch((await lane(page, 2).getAttribute("class"))!, /failed/);
    assertEquals(await page.locator(".lane.failed").count(), 1);
    assertMatch((await lane(page, 2).locator(".failure").textContent())!, /^Failed \d+ s ago: .*reset/i);
    const red = "getComputedStyle(document.querySelector('.lane.failed')).borderLeftColor";
    assertEquals(await page.evaluate(red), "rgb(179, 38, 30)");
    await shows(page.locator("#event-list li.warn").first(), /session refused.*channel 2/);
    assertEquals(scene.complaints, []);
  },
);

testWith(["chromium"], "events are shown from the chosen level up, and counted by level", async () => {
  const scene = await separated();
  const { page, pair } = scene;
  await refusedAt(pair.entry);
  const [info, warn] = [page.locator("#event-list .info"), page.locator("#event-list .warn")];
  await warn.first().waitFor();
  assert(await info.first().isVisible());
  await page.locator("#level").selectOption("warn");
  assertEquals([await info.first().isVisible(), await warn.first().isVisible()], [false, true]);
  assertMatch((await page.locator("#level option:checked").textContent())!, /^warn and above \([1-9]\d*\)$/);
  await page.locator("#level").selectOption("error");
  assertEquals([await warn.first().isVisible(), await page.locator("#no-events").isVisible()], [false, true]);
  await page.locator("#level").selectOption("info");
  assertEquals(scene.complaints, []);
});

testWith(["chromium"], "an exited handler is shown as gone", async () => {
  const scene = await separated();
  await scene.pair.client.stop();
  await scene.page.locator(".badge.lost").waitFor();
  assertEquals(await scene.page.locator("#connection").textContent(), "no answer");
});
testWith(["chromium"], "a channel that lies turns its lane red, and its association goes on without it", async () => {
  await using two = await configFile("threshold: 2\n");
  await using scene = await openPage({}, { flags: ["--config", two.file] });
  const { page, relay, pair } = scene;
  const red = "rgb(179, 38, 30)", breaks = lane(page, 2).locator(".breaks");
  await using _transfer = await transfer(scene, "from the target");
  await page.locator(".lane.flowing").nth(2).waitFor();
  assertEquals(await breaks.isVisible(), false);
  // Only what the target sends, so that it is this side that finds out.
  relay.change = (piece) => void (piece.length > 4096 && (piece[piece.length >> 1]! ^= 1));
  await page.locator(".lane.lying").waitFor();
  assertMatch((await lane(page, 2).getAttribute("class"))!, /lying/);
  assertEquals(await page.locator(".lane.lying").count(), 1);
  assertEquals(await lane(page, 2).locator(".state").textContent(), "lying");
  assertEquals(
    await lane(page, 2).getAttribute("aria-label"),
    `web channel 2 at ${formatAddress(relay.address)}: lying`,
  );
  await shows(breaks, /^1 association goes on without it, as its shares were changed\. Lied 1 time/);
  const style = (property: string) =>
    page.evaluate(`getComputedStyle(document.querySelector(".lane.lying")).${property}`);
  assertEquals([await style("borderTopColor"), await style("borderLeftColor")], [red, red]);
  const words = "getComputedStyle(document.querySelector('.lane.lying .breaks')).color";
  assertEquals(await page.evaluate(words), red);
  await shows(page.locator("#event-list li.warn").first(), /channel lies.*channel=2 /);
  for (const channel of [1, 3]) await shows(lane(page, channel).locator(".state"), /^flowing$/);
  assertEquals([
    await page.locator("#figure-reset").textContent(),
    await page.locator("#figure-sessions").textContent(),
  ], [
    "0",
    "1",
  ]);
  assertEquals(pair.client.logged(/session (reset|refused)/), []);
  assertEquals(scene.complaints, []);
});
