/** Progress of a build as the lines that Podman's clients print. */
import type { Progress } from "../../build/progress.ts";
import type { Room } from "../progress.ts";

/** `STEP 2/5: RUN make`, with the stage before it where there are several. Pure. */
export function stepLine(title: string): string {
  const [, stage, number, count, text] = /^\[(?:(.+) )?(\d+)\/(\d+)\] (.*)$/s.exec(title) ?? [];
  if (number === undefined) return title;
  const before = stage === undefined || /^stage-\d+$/.test(stage) ? "" : `[${stage}] `;
  return `${before}STEP ${number}/${count}: ${text}`;
}

/**
 * @param say takes text with its newlines; what is no step of the Dockerfile is not told of
 * @param room holds back a command that prints faster than the client reads
 */
export function buildProgress(say: (text: string) => void, room: Room): Progress {
  const decoders = new Map<number | string, TextDecoder>();
  const decoderOf = (key: number | string) => {
    const decoder = decoders.get(key) ?? new TextDecoder();
    decoders.set(key, decoder);
    return decoder;
  };
  return {
    planned: () => undefined,
    started: (key, title) => {
      if (typeof key === "number") say(`${stepLine(title)}\n`);
    },
    status: () => undefined,
    output(key, bytes) {
      say(decoderOf(key).decode(bytes, { stream: true }));
      return room();
    },
    cached: (key, title) => {
      if (typeof key === "number") say(`${stepLine(title)}\n--> Using cache\n`);
    },
    done: () => undefined,
    failed: () => undefined,
    cancelled: () => undefined,
    warned: (message) => say(`[Warning] ${message}\n`),
    note: (message) => say(`${message}\n`),
    end: () => undefined,
  };
}
