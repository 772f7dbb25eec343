import type { TopLevelSpec } from "vega-lite";
import type { Result } from "../results.ts";

/** A chart of one part's results. */
export interface Chart {
  /** File name without its extension. */
  readonly name: string;
  /** The part whose results it shows. */
  readonly part: string;
  /** Draws the chart. @param values The part's results, as {@linkcode flat} returns them. */
  draw(values: readonly Row[]): TopLevelSpec;
}

/** A result whose settings are fields of the row. */
export type Row = Readonly<Record<string, string | number>>;

/** Flattens a result. */
export function flat(
  { system, metric, unit, median, least, most, setting }: Result,
): Row {
  return { system, metric, unit, median, least, most, ...setting };
}

const GREY = "#7d8590", ORANGE = "#d9622b", BLUE = "#3b82c4", GREEN = "#2f9e6e";

/** One colour per system, in all charts; each contrasts with both white and black. */
const COLOURS: Readonly<Record<string, string>> = {
  "TCP": GREY,
  "TCP, slow channel": GREY,
  "TCP, channel A": GREY,
  "TCP, channel B": GREY,
  "TCP, channel C": GREY,
  "direct": GREY,
  "MICSS": ORANGE,
  "MICSS, 3 channels": ORANGE,
  "MICSS, 2 channels": "#e8a07d",
  "MICSS, loss on all channels": ORANGE,
  "MICSS, loss on the slow channel": BLUE,
  "MICSS without reuse": BLUE,
};

/** The systems of a chart in the order of their measurement, and their colours. */
function systems(values: readonly Row[]) {
  const domain = [...new Set(values.map(({ system }) => String(system)))];
  return { domain, range: domain.map((system) => COLOURS[system] ?? GREEN) };
}

function colour(values: readonly Row[], legend: boolean, columns = 0) {
  const scale = systems(values);
  return {
    field: "system",
    type: "nominal" as const,
    scale,
    sort: scale.domain,
    legend: legend
      ? {
        title: null,
        orient: "top" as const,
        direction: columns === 1 ? "vertical" as const : "horizontal" as const,
      }
      : null,
  };
}

/** Lines through medians over the range of the rounds. */
function lines(values: readonly Row[], x: object, y: object, columns = 0) {
  return [
    {
      mark: { type: "area" as const, opacity: 0.18 },
      encoding: {
        x,
        y: { ...y, field: "least" },
        y2: { field: "most" },
        color: colour(values, true, columns),
      },
    },
    {
      mark: {
        type: "line" as const,
        point: { filled: true, size: 34 },
        strokeWidth: 2,
      },
      encoding: {
        x,
        y: { ...y, field: "median" },
        color: colour(values, true, columns),
      },
    },
  ];
}

/** Horizontal bars of medians with the range of the rounds and the value, in a panel for one metric. */
function bars(
  values: readonly Row[],
  metric: string,
  title: string,
  options: { log?: boolean; names?: boolean } = {},
) {
  const { log = false, names = true } = options;
  const shown = values.filter((value) => value["metric"] === metric);
  const order = systems(values).domain;
  const y = {
    field: "system",
    type: "nominal" as const,
    sort: order,
    title: null,
    axis: names ? { domain: false, ticks: false, labelPadding: 6, labelLimit: 200 } : null,
  };
  const most = Math.max(...shown.map(({ most }) => Number(most)));
  const least = Math.min(...shown.map(({ least }) => Number(least)));
  const scale = log
    ? {
      type: "log" as const,
      domain: [10 ** Math.floor(Math.log10(least)), most * 4],
      nice: false,
    }
    : { domain: [0, most * 1.22], nice: false };
  const x = (field: string) => ({
    field,
    type: "quantitative" as const,
    title,
    scale,
    axis: log
      ? { values: Array.from({ length: 7 }, (_, power) => 10 ** power), format: "~s" }
      : { tickCount: 4, format: "~s" },
  });
  return {
    data: { values: shown },
    width: names ? 230 : 190,
    height: { step: 24 },
    layer: [
      log
        ? {
          mark: { type: "point" as const, filled: true, size: 90, opacity: 1 },
          encoding: { x: x("median"), y, color: colour(values, false) },
        }
        : {
          mark: { type: "bar" as const, height: 15, cornerRadiusEnd: 2 },
          encoding: { x: x("median"), y, color: colour(values, false) },
        },
      {
        mark: { type: "rule" as const, strokeWidth: 1.5, color: "#7d8590" },
        encoding: { x: x("least"), x2: { field: "most" }, y },
      },
      {
        transform: [{
          calculate: "format(datum.median, datum.median < 100 ? '.3~r' : ',.3~r')",
          as: "label",
        }],
        mark: {
          type: "text" as const,
          align: "left" as const,
          dx: 7,
          fontSize: 11,
        },
        encoding: {
          x: { ...x("most") },
          y,
          text: { field: "label" },
          color: { value: "#7d8590" },
        },
      },
    ],
  };
}

/** The charts of docs/BENCHMARKS.md. */
export const CHARTS: readonly Chart[] = [
  {
    name: "table1",
    part: "table1",
    draw: (values) => ({
      hconcat: [
        bars(values, "throughput up", "throughput up, Mbit/s (log)", {
          log: true,
        }),
        bars(values, "round trip, median", "round trip, median, µs (log)", {
          log: true,
          names: false,
        }),
        bars(values, "round trip, p99", "round trip, p99, µs (log)", {
          log: true,
          names: false,
        }),
      ],
    }),
  },
  {
    name: "equal",
    part: "equal",
    draw(values) {
      const shown = values.filter(({ metric }) => String(metric).startsWith("throughput"))
        .map((value) => ({
          ...value,
          direction: String(value["metric"]).replace("throughput ", ""),
        }));
      const order = [
        ...new Set(shown.map((value) => (value as Row)["channels"])),
      ];
      return {
        data: { values: shown },
        facet: { column: { field: "channels", title: "three channels, each", sort: order } },
        spec: {
          width: 170,
          height: 180,
          encoding: {
            x: {
              field: "direction",
              type: "nominal",
              sort: ["up", "down"],
              title: null,
              axis: { labelAngle: 0, domain: false, ticks: false },
            },
            xOffset: { field: "system", sort: systems(values).domain },
          },
          layer: [
            {
              mark: { type: "bar", cornerRadiusEnd: 2 },
              encoding: {
                y: { field: "median", type: "quantitative", title: "throughput, Mbit/s", axis: { format: "~s" } },
                color: colour(values, true),
              },
            },
            {
              mark: { type: "rule", strokeWidth: 1.5, color: "#7d8590" },
              encoding: { y: { field: "least", type: "quantitative" }, y2: { field: "most" } },
            },
            {
              mark: { type: "text", dy: -7, fontSize: 11 },
              encoding: {
                y: { field: "most", type: "quantitative" },
                text: { field: "median", format: ",.3~r" },
                color: { value: "#7d8590" },
              },
            },
          ],
        },
        resolve: { scale: { y: "independent" } },
      } as TopLevelSpec;
    },
  },
  {
    name: "loss",
    part: "loss",
    draw: (values) => ({
      data: { values: [...values] },
      width: 560,
      height: 280,
      layer: lines(
        values,
        { field: "loss, %", type: "quantitative", title: "packets lost, %", scale: { nice: false } },
        { type: "quantitative", title: "throughput up, Mbit/s" },
        1,
      ),
    } as TopLevelSpec),
  },
  {
    name: "web",
    part: "web",
    draw: (values) => ({
      data: {
        values: values.map((value) => ({
          ...value,
          file: `${value["file, kB"]} kB`,
        })),
      },
      facet: {
        row: {
          field: "connections",
          title: "connections",
          sort: ["one a request", "kept"],
        },
        column: {
          field: "file",
          title: "file",
          sort: ["0 kB", "4 kB", "16 kB"],
        },
      },
      spec: {
        width: 190,
        height: 160,
        layer: lines(
          values,
          {
            field: "clients",
            type: "quantitative",
            title: "clients at once (log)",
            scale: { type: "log", nice: false },
            axis: { values: [1, 10, 100, 300], labelOverlap: false },
          },
          {
            type: "quantitative",
            title: "requests a second",
            scale: { zero: true },
          },
        ),
      },
      resolve: { scale: { y: "independent" } },
    } as TopLevelSpec),
  },
  {
    name: "sizes",
    part: "sizes",
    draw(values) {
      const tcp = new Map(
        values.filter(({ system }) => system === "TCP, slow channel").map((
          row,
        ) => [row["file, kB"], row]),
      );
      const relative = values.flatMap((row) => {
        const base = Number(tcp.get(row["file, kB"]!)?.["median"]);
        const of = (field: string) => Number(row[field]) / base;
        return row["system"] === "TCP, slow channel" || !base ? [] : [{
          ...row,
          median: of("median"),
          least: of("least"),
          most: of("most"),
        }];
      });
      return {
        data: { values: relative },
        width: 560,
        height: 240,
        layer: lines(
          relative as unknown as Row[],
          {
            field: "file, kB",
            type: "quantitative",
            title: "file, kB, each over a connection of its own",
          },
          {
            type: "quantitative",
            title: "requests a second, part of TCP's",
            scale: { domainMin: 0 },
            axis: { format: ".0%" },
          },
        ),
      } as TopLevelSpec;
    },
  },
  {
    name: "peers",
    part: "peers",
    draw(values) {
      const named = values.map((value) => ({
        ...value,
        metric: value["connections"] === undefined ? value["metric"]! : `requests, ${value["connections"]}`,
      })) as Row[];
      const tunnels = named.filter(({ system }) => system !== "direct");
      const panel = (metric: string, title: string, names = false) => bars(tunnels, metric, title, { names });
      return {
        columns: 3,
        concat: [
          panel("throughput up", "throughput up, Mbit/s", true),
          panel("throughput down", "throughput down, Mbit/s"),
          panel("round trip, median", "round trip, median, µs"),
          panel("connections", "connections a second", true),
          panel("requests, one a request", "requests a second, a connection each"),
          panel("requests, kept", "requests a second, kept connections"),
        ],
        align: "each",
        spacing: 28,
      };
    },
  },
];
