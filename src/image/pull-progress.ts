/** What a pull tells while it goes on, and how a terminal shows it. */

export type PullProgress =
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
  | { readonly kind: "retry"; readonly why: string; readonly inMs: number }
  | { readonly kind: "end"; readonly name: string; readonly id: string };

/** Where lines go; `isTerminal` says whether the last one may be written over. */
export interface ProgressOutput {
  readonly isTerminal: boolean;
  write(text: string): void;
}

/** Shows progress on stderr: a line for each layer, and on a terminal one that counts. */
export function progressOnStderr(
  output: ProgressOutput = {
    isTerminal: process.stderr.isTTY,
    write: (text) => void process.stderr.write(text),
  },
): (progress: PullProgress) => void {
  const sizes = new Map<string, number>();
  const done = new Map<string, number>();
  let lastShown = 0;
  let isCounting = false;
  const line = (text: string) => {
    output.write(`${isCounting ? "\r\x1b[K" : ""}${text}\n`);
    isCounting = false;
  };
  const count = () => {
    const now = performance.now();
    if (!output.isTerminal || now - lastShown < 100) return;
    lastShown = now;
    output.write(`\r\x1b[K${megabytes(sum(done))} of ${megabytes(sum(sizes))}`);
    isCounting = true;
  };
  return (progress) => {
    switch (progress.kind) {
      case "begin":
        return line(`Trying to pull ${progress.name}...`);
      case "layers":
        for (const layer of progress.layers) sizes.set(layer.digest, layer.size);
        return;
      case "layer":
        done.set(progress.digest, progress.doneBytes);
        if (progress.doneBytes < progress.totalBytes) return count();
        return line(
          `Copying blob ${progress.digest.slice(7, 19)} done (${megabytes(progress.totalBytes)})`,
        );
      case "retry":
        return line(`Trying again in ${(progress.inMs / 1000).toFixed(1)} s: ${progress.why}`);
      case "end":
        return line(`Writing manifest to image destination`);
    }
  };
}

const sum = (values: ReadonlyMap<string, number>): number =>
  [...values.values()].reduce((total, value) => total + value, 0);

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
