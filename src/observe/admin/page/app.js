// The page at a handler's admin address: shows the events of /events, once a second.
"use strict";

/** Time span of a chart, in seconds. */
const SHOWN = 60;

/** Maximum number of listed events of each level. */
const MAX_EVENTS = 100;

/** Log levels, most severe last. */
const LEVELS = ["info", "warn", "error"];

const byId = (id) => document.getElementById(id);
const lanes = new Map();
/** Rates from before the page was opened, by channel, until they are shown. */
const earlier = new Map();
/** Bytes of datagrams in the last status, with its time. */
let datagramsBefore;

/** "1.2 MB" */
function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  for (; count >= 999.5 && unit < units.length - 1; unit++) count /= 1000;
  return `${unit > 0 && count < 9.95 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

/** "4 h 5 min" */
function duration(seconds) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (minutes === 0) return `${Math.floor(seconds)} s`;
  if (hours === 0) return `${minutes} min`;
  return days === 0 ? `${hours} h ${minutes % 60} min` : `${days} d ${hours % 24} h`;
}

/** "1 association", "2 associations" */
function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Makes an element with text and classes. */
function element(name, text, ...classes) {
  const made = document.createElement(name);
  made.textContent = text;
  made.classList.add(...classes);
  return made;
}

/** Sets an element's text only if it has changed, so that the user's selection is kept. */
function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Reads a colour of the style sheet, which depends on the colour scheme. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function keyOf({ server, address }) {
  return `${server} ${address}`;
}

/** Returns a channel's lane, and adds it on first use. */
function laneOf(channel) {
  const key = keyOf(channel);
  const known = lanes.get(key);
  if (known !== undefined) return known;
  const node = byId("lane").content.cloneNode(true).querySelector("article");
  const title = node.querySelector("h3");
  title.append(channel.server === "" ? `Channel ${channel.channel}` : `${channel.server}, channel ${channel.channel}`);
  title.append(element("small", channel.address));
  byId("lanes").append(node);
  const times = Array.from({ length: SHOWN }, (_, at) => at - SHOWN + 1);
  const lane = { node, data: [times, times.map(() => null), times.map(() => null)], plot: null };
  lanes.set(key, lane);
  draw(lane);
  return lane;
}

/** Draws a lane's chart; again when its colours or its width have changed. */
function draw(lane) {
  lane.plot?.destroy();
  const chart = lane.node.querySelector(".chart");
  const series = (name) => ({ stroke: colour(name), fill: `${colour(name)}22`, width: 1.5, points: { show: false } });
  const options = {
    width: Math.max(120, chart.clientWidth),
    height: 56,
    padding: [4, 0, 4, 0],
    cursor: { show: false },
    legend: { show: false },
    axes: [{ show: false }, { show: false }],
    // At least 1 kB/s high, so that a PING doesn't look like traffic.
    scales: { x: { time: false }, y: { range: (_, _min, max) => [0, Math.max(1000, max ?? 0)] } },
    series: [{}, series("--out"), series("--in")],
  };
  lane.plot = new uPlot(options, lane.data, chart);
}

/** Adds one second's rates to a chart, and drops the oldest. */
function remember(data, { rateOut, rateIn }) {
  for (const [at, rate] of [[1, rateOut], [2, rateIn]]) {
    data[at].push(rate);
    data[at].shift();
  }
}

/** Keeps the rates from before the page was opened. */
function showHistory(samples) {
  lanes.forEach(({ data }) => data.slice(1).forEach((rates) => rates.fill(null)));
  earlier.clear();
  for (const sample of samples) {
    for (const channel of sample) {
      const key = keyOf(channel);
      earlier.set(key, [...earlier.get(key) ?? [], channel]);
    }
  }
}

function showChannel(channel) {
  const lane = laneOf(channel);
  const { node, data } = lane;
  for (const second of earlier.get(keyOf(channel)) ?? []) remember(data, second);
  earlier.delete(keyOf(channel));
  const part = (selector) => node.querySelector(selector);
  node.className = `lane ${channel.state}`;
  write(part(".state"), channel.state);
  write(part("dd.out"), `${bytes(channel.rateOut)}/s`);
  write(part("dd.in"), `${bytes(channel.rateIn)}/s`);
  write(part(".behind"), bytes(Math.max(channel.behindOut, channel.behindIn)));
  write(part(".total"), bytes(channel.sent + channel.received));
  const failure = part(".failure");
  failure.hidden = channel.state !== "failed" || channel.failure === undefined;
  if (!failure.hidden) {
    write(failure, `Failed ${duration(channel.failure.age)} ago: ${channel.failure.reason}`);
  }
  showBreaks(part(".breaks"), channel);
  const apart = part(".apart");
  apart.hidden = channel.keptApart === undefined;
  apart.classList.toggle("failure", channel.keptApart === false);
  write(apart, channel.keptApart ? "Kept apart by routes" : "Not kept apart: its packets may take another link");
  remember(data, channel);
  lane.plot.setData(data);
  const name = `${channel.server} channel ${channel.channel} at ${channel.address}`.trim();
  const rates = `${bytes(channel.rateOut)} a second out, ${bytes(channel.rateIn)} in`;
  part(".chart").setAttribute("aria-label", `Throughput of the last ${SHOWN} seconds; now ${rates}`);
  node.setAttribute("aria-label", `${name}: ${channel.state}`);
}

/** Shows how many associations wait for a channel or gave it up, and how often it lied, broke and was joined again. */
function showBreaks(part, { state, away, broken, rejoined, lying, lies, failure }) {
  const texts = [];
  if (state === "away") {
    const why = failure === undefined ? "" : `. It broke ${duration(failure.age)} ago: ${failure.reason}`;
    texts.push(`${plural(away, "association")} ${away === 1 ? "waits" : "wait"} for it${why}`);
  }
  if (lying > 0) {
    texts.push(
      `${plural(lying, "association")} ${lying === 1 ? "goes" : "go"} on without it, as its shares were changed`,
    );
  }
  if (lies > 0) texts.push(`Lied ${plural(lies, "time")}`);
  if (broken + rejoined > 0) texts.push(`Broke ${plural(broken, "time")}, joined again ${plural(rejoined, "time")}`);
  part.hidden = texts.length === 0;
  write(part, texts.join(". "));
}

function showClients({ clients = [] }) {
  const rows = clients.map(({ name, associations, sessions, seen }) =>
    rowOf([name, `${duration(seen)} ago`], [String(associations), String(sessions)])
  );
  byId("client-rows").replaceChildren(...rows);
  byId("client-section").hidden = rows.length === 0;
}

function showAssociations({ associations, associationCount }) {
  const rows = associations.map(({ id, peer, client, shares, sessions, sent, received, age }) =>
    rowOf([id, client === undefined ? peer : `${client}, ${peer}`, shares], [
      String(sessions),
      bytes(sent),
      bytes(received),
      duration(age),
    ])
  );
  fill("association", rows, associationCount);
}

function showSessions({ sessions, sessionCount }) {
  const rows = sessions.map(({ id, client, from, to, port, datagrams, sent, received, age }) => {
    const target = to.includes(":") ? to : `${to}:${port}`;
    return rowOf([id, [client, from].filter(Boolean).join(", ") || "–", datagrams ? `${target}/udp` : target], [
      bytes(sent),
      bytes(received),
      duration(age),
    ]);
  });
  fill("session", rows, sessionCount);
}

/** Shows flows and their datagrams, if there were any. */
function showDatagrams({ uptime, flowCount, totals: { datagrams } }) {
  const { sent, sentBytes, received, receivedBytes, dropped } = datagrams;
  // Where not all shares are needed, those to spare are duplicates.
  const reasons = Object.entries(dropped).filter(([reason, count]) => count > 0 && reason !== "duplicate");
  byId("datagram-section").hidden = flowCount + sent + received + reasons.length === 0;
  const before = datagramsBefore, seconds = before === undefined ? 0 : uptime - before.uptime;
  datagramsBefore = { uptime, sentBytes, receivedBytes };
  for (const [figure, key] of [["figure-datagrams-out", "sentBytes"], ["figure-datagrams-in", "receivedBytes"]]) {
    write(byId(figure), seconds > 0 ? `${bytes((datagrams[key] - before[key]) / seconds)}/s` : "–");
  }
  write(byId("figure-flows"), String(flowCount));
  write(byId("figure-datagrams-sent"), sent.toLocaleString("en"));
  write(byId("figure-datagrams-received"), received.toLocaleString("en"));
  write(byId("figure-datagrams-dropped"), reasons.reduce((sum, [, count]) => sum + count, 0).toLocaleString("en"));
  byId("dropped").hidden = reasons.length === 0;
  write(byId("dropped"), `Dropped: ${reasons.map(([reason, count]) => `${reason} ${count}`).join(", ")}`);
  byId("forged").hidden = dropped.forged === 0;
  write(byId("forged"), `Forged datagrams: ${dropped.forged}. Packets on a channel were altered.`);
}

/** Makes a table's row: cells of text, then numbers. */
function rowOf(texts, numbers) {
  const row = document.createElement("tr");
  for (const text of texts) row.append(element("td", text));
  for (const number of numbers) row.append(element("td", number, "number"));
  return row;
}

/** Replaces the rows of a table that lists the first of `count`. */
function fill(name, rows, count) {
  byId(`${name}-rows`).replaceChildren(...rows);
  byId(`${name}-table`).hidden = rows.length === 0;
  const more = count - rows.length;
  byId(`no-${name}s`).hidden = count > 0 && more === 0;
  write(byId(`no-${name}s`), more > 0 ? `and ${more} more` : `No open ${name}s.`);
}

function showEvents(events) {
  const list = byId("event-list");
  for (const { time, level, event, fields } of events) {
    const item = document.createElement("li");
    item.classList.add(level);
    const when = element("time", new Date(time).toLocaleTimeString([], { hour12: false }));
    when.dateTime = time;
    const rest = Object.entries(fields).map(([key, value]) => `${key}=${value}`).join(" ");
    item.append(when, element("span", level, "level"), element("span", event, "name"), element("span", rest, "fields"));
    list.prepend(item);
    list.getElementsByClassName(level)[MAX_EVENTS]?.remove();
  }
  if (events.length > 0) countEvents();
}

/** Labels each level with the number of events at or above it. */
function countEvents() {
  const list = byId("event-list");
  let count = 0;
  for (const level of LEVELS.toReversed()) {
    count += list.getElementsByClassName(level).length;
    const name = level === LEVELS.at(-1) ? level : `${level} and above`;
    write(byId("level").querySelector(`[value=${level}]`), `${name} (${count})`);
  }
  filterEvents();
}

/** Hides the events below the chosen level. */
function filterEvents() {
  const list = byId("event-list");
  const shown = LEVELS.slice(LEVELS.indexOf(byId("level").value));
  list.dataset.minimum = shown[0];
  byId("no-events").hidden = shown.some((level) => list.getElementsByClassName(level).length > 0);
  list.hidden = !byId("no-events").hidden;
}

/** Shows refused connections by reason, refused records, and waits for credit. */
function showTotals({ refusals, refusedRecords, creditWaits }) {
  const reasons = Object.entries(refusals).filter(([, count]) => count > 0);
  write(byId("figure-refused"), String(reasons.reduce((sum, [, count]) => sum + count, 0)));
  byId("refusals").hidden = reasons.length === 0;
  write(byId("refusals"), `Refused: ${reasons.map(([reason, count]) => `${reason} ${count}`).join(", ")}`);
  byId("refused-records").hidden = refusedRecords === 0;
  write(byId("refused-records"), `Refused records: ${refusedRecords}. Data was altered on a channel.`);
  byId("credit-waits").hidden = creditWaits === 0;
  write(byId("credit-waits"), `Waits for credit: ${creditWaits}`);
}

function show(status) {
  const { role, host, version, uptime, pid, ending, channels, sessionCount, associationCount, totals, events } = status;
  const sum = (key) => channels.reduce((total, channel) => total + channel[key], 0);
  document.title = `MICSS ${role} on ${host}: ${sessionCount} sessions`;
  write(byId("role"), role);
  write(byId("facts"), `${host}, ${version}, up ${duration(uptime)}, pid ${pid}`);
  showConnection(ending ? "ending" : "live");
  showReadiness(status);
  write(byId("figure-sessions"), String(sessionCount));
  write(byId("figure-associations"), String(associationCount));
  write(byId("figure-out"), `${bytes(sum("rateOut"))}/s`);
  write(byId("figure-in"), `${bytes(sum("rateIn"))}/s`);
  write(byId("figure-reset"), String(totals.ended.reset));
  showTotals(totals);
  byId("no-lanes").hidden = channels.length > 0;
  channels.forEach(showChannel);
  showDatagrams(status);
  showClients(status);
  showAssociations(status);
  showSessions(status);
  showEvents(events);
}

/** Shows the problems in the last answer of /readyz. */
function showReadiness({ readiness }) {
  const reasons = (state, found) => Object.entries(found).map(([name, reason]) => `${state}: ${name}: ${reason}`);
  const { missing, degraded } = readiness ?? { missing: {}, degraded: {} };
  const lines = [...reasons("not ready", missing), ...reasons("degraded", degraded)];
  byId("readiness").hidden = lines.length === 0;
  write(byId("readiness"), lines.join("; "));
}

/** Shows the state of the connection to the handler. */
function showConnection(word) {
  const badge = byId("connection");
  badge.className = `badge ${word}`;
  write(badge, word === "lost" ? "no answer" : word);
}

const source = new EventSource("/events");
let opened = false;
source.addEventListener("open", () => {
  // A new connection repeats all events.
  if (opened) byId("event-list").replaceChildren();
  opened = true;
});
source.addEventListener("history", ({ data }) => showHistory(JSON.parse(data)));
source.addEventListener("status", ({ data }) => show(JSON.parse(data)));
source.addEventListener("error", () => showConnection("lost"));

byId("level").addEventListener("change", filterEvents);
countEvents();

const redraw = () => lanes.forEach(draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);
