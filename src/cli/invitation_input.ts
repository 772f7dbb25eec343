import { MicssError } from "../errors/errors.ts";
import { MAX_LINE_LENGTH, parseInvitation } from "../wire/invitation.ts";

/** Standard input, as far as reading an invitation needs it. */
export interface LineInput {
  /** True for a terminal. */
  isTerminal(): boolean;
  /** Reads some bytes; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Switches a terminal between bytes as they are typed, without echo, and lines. */
  setRaw(raw: boolean): void;
}

/** The user gave up with Ctrl-C or Ctrl-D. */
export class InputCancelled extends MicssError {}

const CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, LINE_FEED = 10, RETURN = 13, CTRL_U = 21, DELETE = 127;

/**
 * Reads the text of an invitation: from a terminal one line, prompted for and not echoed, since it is a secret; otherwise
 * everything up to the end, or to the end of a line that completes an invitation.
 *
 * @param prompt Shows a text to the user.
 * @returns At most slightly more than {@linkcode MAX_LINE_LENGTH} bytes of text.
 * @throws {InputCancelled} If the user gives up.
 */
export async function readInvitationText(input: LineInput, prompt: (text: string) => void): Promise<string> {
  return input.isTerminal() ? await readTyped(input, prompt) : await readPiped(input);
}

async function readPiped(input: LineInput): Promise<string> {
  const decoder = new TextDecoder(), buffer = new Uint8Array(MAX_LINE_LENGTH + 1);
  let text = "";
  while (text.length <= MAX_LINE_LENGTH) {
    const count = await input.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    // The sender may keep the pipe open.
    if (text.includes("\n") && isInvitation(text)) break;
  }
  return text;
}

function isInvitation(text: string): boolean {
  try {
    parseInvitation(text);
    return true;
  } catch {
    return false;
  }
}

async function readTyped(input: LineInput, prompt: (text: string) => void): Promise<string> {
  prompt("Paste the invitation (it is not shown), then press Enter: ");
  // Without signals of the terminal, so that Ctrl-C can't end the process before the terminal echoes again.
  input.setRaw(true);
  try {
    const bytes: number[] = [], buffer = new Uint8Array(256);
    for (;;) {
      const count = await input.read(buffer);
      if (count === null) return textOf(bytes);
      for (const byte of buffer.subarray(0, count)) {
        if (byte === CTRL_C || byte === CTRL_D && bytes.length === 0) throw new InputCancelled("cancelled");
        if (byte === RETURN || byte === LINE_FEED || byte === CTRL_D) return textOf(bytes);
        if (byte === CTRL_U) bytes.length = 0;
        else if (byte === BACKSPACE || byte === DELETE) bytes.pop();
        else if (bytes.length <= MAX_LINE_LENGTH) bytes.push(byte);
      }
    }
  } finally {
    input.setRaw(false);
    prompt("\n");
  }
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
