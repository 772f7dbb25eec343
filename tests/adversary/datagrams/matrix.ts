/** The matrix of datagrams: attack x channels x threshold x proper subset of channels. */
import type { DatagramAttack } from "./attack.ts";
import { type DatagramCell, runDatagramCell } from "./world.ts";

/** Numbers of channels and thresholds. */
const SCHEMES = [[2, 2], [3, 3], [3, 2], [4, 3]] as const;

/** Every cell of the attacks: of k of n channels, each set of 1 to k-1. */
export function datagramCells(attacks: readonly DatagramAttack[], seed: number): DatagramCell[] {
  return attacks.flatMap((attack) =>
    SCHEMES.flatMap(([channels, threshold]) =>
      Array.from({ length: 2 ** channels }, (_, set) => {
        return Array.from({ length: channels }, (_, index) => index).filter((index) => set >> index & 1);
      })
        .filter(({ length }) => length >= (attack.least ?? 1) && length < threshold)
        .map((owned) => ({ attack, channels, threshold, owned, seed }))
    )
  );
}

/** Describes a cell. */
export function nameOfDatagramCell({ attack, channels, threshold, owned, seed }: DatagramCell): string {
  const channelsOwned = owned.map((index) => index + 1).join(" and ");
  return `${attack.name}, ${threshold} of ${channels} channels, owning ${channelsOwned}, seed ${seed}`;
}

/** Runs cells one after another. @returns The violations, one line each. */
export async function runDatagramCells(cells: readonly DatagramCell[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const cell of cells) {
    wrong.push(...(await runDatagramCell(cell)).map((what) => `${nameOfDatagramCell(cell)}: ${what}`));
  }
  return wrong;
}

/** At most `most` cells, spread over all. */
export function sampleOfDatagrams(attacks: readonly DatagramAttack[], most: number, seed: number): DatagramCell[] {
  const all = datagramCells(attacks, seed), stride = Math.max(1, Math.ceil(all.length / most));
  return all.filter((_, index) => index % stride === 0).map((cell, index) => ({ ...cell, seed: seed + index }));
}
