/** What a pull or push tells while it goes on, and how a terminal shows it. */
import { terminalSize } from "../system/terminal.ts";

export type TransferProgress =
  | { readonly kind: "begin"; readonly name: string }
  | {
      readonly kind: "layers";
      readonly layers: readonly { readonly digest: string; readonly size: number }[];
    }
  | {
      readonly kind: "layer";
      readonly digest: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  /** The layer needs no more; `note` says what was special about it, or is empty. */
  | { readonly kind: "done"; readonly digest: string; readonly note: string }
  /** Somebody else pulls the same layer. */
  | { readonly kind: "waiting"; readonly digest: string }
  | { readonly kind: "retry"; readonly why: string; readonly inMs: number }
  | { readonly kind: "end"; readonly name: string; readonly id: string };

/** Where lines go; on a terminal those at the bottom are written over. */
export interface ProgressOutput {
  /** null: no terminal. */
  readonly columns: number | null;
  write(text: string): void;
}

const stderr = (): ProgressOutput => ({
  columns: process.stderr.isTTY ? (terminalSize(2)?.columns ?? 80) : null,
  write: (text) => void process.stderr.write(text),
});

interface Bar {
  doneBytes: number;
  totalBytes: number;
}

/** Shows progress on stderr: a line for each layer that is done, and on a terminal a bar for each that is not. */
export function progressOnStderr(
  verb: "pull" | "push" = "pull",
  output: ProgressOutput = stderr(),
): (progress: TransferProgress) => void {
  const bars = new Map<string, Bar>();
  const sizes = new Map<string, number>();
  let shownLines = 0;
  let lastShown = 0;
  const draw = (text = "") => {
    const { columns } = output;
    const lines =
      columns === null ? [] : [...bars].map(([digest, bar]) => barOf(digest, bar, columns));
    const up = shownLines > 0 ? `\x1b[${shownLines}A\r\x1b[J` : "";
    output.write(`${up}${text}${lines.map((line) => `${line}\n`).join("")}`);
    shownLines = lines.length;
    lastShown = performance.now();
  };
  const finish = (digest: string, note: string) => {
    bars.delete(digest);
    const size = sizes.get(digest);
    const what = note !== "" ? note : size === undefined ? "done" : `done (${megabytes(size)})`;
    draw(`Copying blob ${short(digest)} ${what}\n`);
  };
  return (progress) => {
    switch (progress.kind) {
      case "begin":
        return draw(`${verb === "pull" ? "Trying to pull" : "Pushing to"} ${progress.name}...\n`);
      case "layers":
        for (const layer of progress.layers) sizes.set(layer.digest, layer.size);
        return;
      case "layer": {
        const { digest, doneBytes, totalBytes } = progress;
        const isNew = !bars.has(digest);
        bars.set(digest, { doneBytes, totalBytes });
        if (doneBytes >= totalBytes) return finish(digest, "");
        if (output.columns !== null && (isNew || performance.now() - lastShown > 100)) draw();
        return;
      }
      case "done":
        return finish(progress.digest, progress.note);
      case "waiting":
        return draw(`Copying blob ${short(progress.digest)} is done by another pull\n`);
      case "retry":
        return draw(`Trying again in ${(progress.inMs / 1000).toFixed(1)} s: ${progress.why}\n`);
      case "end":
        bars.clear();
        return draw("Writing manifest to image destination\n");
    }
  };
}

const short = (digest: string): string => digest.slice(7, 19);

/** `abcdef [====>      ] 3.1 of 9.9 MB`, no wider than the terminal: a line that wraps cannot be taken back. */
function barOf(digest: string, { doneBytes, totalBytes }: Bar, columns: number): string {
  const count = `${(doneBytes / 1e6).toFixed(1)} of ${megabytes(totalBytes)}`;
  const room = Math.min(columns - short(digest).length - count.length - 20, 40);
  if (room < 5) return `${short(digest)} ${count}`.slice(0, Math.max(0, columns - 1));
  const filled = Math.round((room * doneBytes) / Math.max(1, totalBytes));
  const bar = `${"=".repeat(Math.max(0, filled - 1))}${filled > 0 ? ">" : ""}`.padEnd(room);
  return `Copying blob ${short(digest)} [${bar}] ${count}`;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
