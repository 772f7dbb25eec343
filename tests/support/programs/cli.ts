import { main } from "../../../src/cli/mod.ts";

/** Outcome of a command. */
export interface Answer {
  status: number;
  out: string;
  err: string;
}

/** Runs a command of the program in this process. */
export async function runMicss(...args: string[]): Promise<Answer> {
  const answer: Answer = { status: -1, out: "", err: "" };
  answer.status = await main(args, {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
  });
  return answer;
}
