/** The matrix: attack x step x subset of channels x number of channels. */
import type { Attack } from "./attack.ts";
import { type Cell, runCell } from "./cell.ts";
import type { Evidence } from "./evidence.ts";
import { INVARIANTS, sessionsAreAsEver } from "./invariants.ts";
import { stitch, type Stitched } from "./stitched.ts";

/** Every cell of the attacks: each honest channel, each number of channels from 2 to 5. */
export function cells(attacks: readonly Attack[], seed: number): Cell[] {
  const all: Cell[] = [];
  for (const attack of attacks) {
    const least = attack.least ?? 1;
    for (let channels = Math.max(2, least + 1); channels <= 5; channels++) {
      for (let honest = 0; honest < channels; honest++) {
        all.push({ attack, channels, honest, balancer: "few", seed });
        if (channels - 1 > least) all.push({ attack, channels, honest, balancer: "all", seed });
      }
    }
  }
  return all;
}

/** Samples at most `most` cells, which together cover every number of channels and every honest one. */
export function sample(attacks: readonly Attack[], most: number, seed: number): Cell[] {
  const all = cells(attacks, seed);
  let stride = Math.max(1, Math.ceil(all.length / most));
  // Coprime to the 26 cells of an attack on one channel, so as to meet each of them.
  while (stride % 2 === 0 || stride % 13 === 0) stride++;
  return Array.from({ length: Math.ceil(all.length / stride) }, (_, k) => {
    return { ...all[k * stride]!, seed: seed + k };
  });
}

/** The contrast: attacks that must succeed if all channels are owned. */
export function contrast(attacks: readonly Attack[], seed: number): Cell[] {
  return attacks.filter(({ succeeded }) => succeeded !== undefined).flatMap((attack) =>
    [2, 3, 4, 5].map((channels): Cell => ({ attack, channels, honest: null, balancer: "all", seed }))
  );
}

/** Describes a cell. */
export function nameOf({ attack, channels, honest, balancer, seed }: Cell): string {
  const owned = honest === null ? "all" : `all but channel ${honest + 1}`;
  const used = balancer === "few" ? ", on as few as it needs" : "";
  return `${attack.name}, of ${channels} channels owning ${owned}${used}, seed ${seed}`;
}

function judged({ attack }: Cell, evidence: Evidence): Stitched {
  return attack.again === undefined ? { evidence, wrong: [] } : stitch(evidence);
}

/** Runs cells one after another. @returns The violations, one line each. */
export async function runCells(cells: readonly Cell[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const cell of cells) {
    const { evidence, wrong: unlike } = judged(cell, await runCell(cell));
    wrong.push(...unlike.map((what) => `${nameOf(cell)}: ${what}`));
    if (evidence.adversary.acted === 0) wrong.push(`${nameOf(cell)}: nothing was done`);
    if (cell.honest === null) {
      if (!cell.attack.succeeded!(evidence)) wrong.push(`${nameOf(cell)}: did not succeed`);
      continue;
    }
    const harmless = cell.attack.harmless && { sessionsAreAsEver };
    for (const [name, invariant] of Object.entries({ ...INVARIANTS, ...harmless })) {
      wrong.push(...invariant(evidence).map((what) => `${nameOf(cell)}: ${name}: ${what}`));
    }
  }
  return wrong;
}
