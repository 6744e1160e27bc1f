/** Times beside each other: alternating runs, so that a busy moment hits all; medians and their ratios. */
import type { Engine } from "./engines.ts";

/** At most this many times what the peer takes. */
export type Bars = Partial<Record<Engine["name"], number>>;

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly peers: readonly {
    readonly name: string;
    readonly value: number;
    readonly bar?: number;
  }[];
}

const rows: Row[] = [];

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/**
 * Measures the milliseconds of `act` with each engine in turn, `rounds` times after one that does not
 * count. The first engine is ours; each of the others is held against its bar.
 */
export function compare(
  what: string,
  rounds: number,
  engines: readonly Engine[],
  bars: Bars,
  act: (engine: Engine) => number,
): void {
  const spent = new Map(engines.map((engine) => [engine, [] as number[]]));
  for (const engine of engines) act(engine);
  for (let round = 0; round < rounds; round++) {
    for (const engine of engines) spent.get(engine)?.push(act(engine));
  }
  note(what, "ms", engines, bars, (engine) => median(spent.get(engine) ?? []));
}

/** Prints one line of figures, and keeps it for the summary. */
export function note(
  what: string,
  unit: string,
  engines: readonly Engine[],
  bars: Bars,
  value: (engine: Engine) => number,
): void {
  const [own, ...peers] = engines;
  if (own === undefined) return;
  const row: Row = {
    what,
    unit,
    ours: value(own),
    peers: peers.map((peer) => {
      const bar = bars[peer.name];
      return { name: peer.name, value: value(peer), ...(bar !== undefined && { bar }) };
    }),
  };
  rows.push(row);
  process.stdout.write(`${line(row)}\n`);
}

function line({ what, unit, ours, peers }: Row): string {
  const number = (value: number) => value.toFixed(1).padStart(8);
  const compared = peers.map(({ name, value, bar }) => {
    const ratio = ours / value;
    const verdict =
      bar === undefined ? "" : ` (bar ${bar.toFixed(2)} ${ratio <= bar ? "met" : "MISSED"})`;
    return `| ${name}${number(value)} ratio ${ratio.toFixed(3)}${verdict}`;
  });
  return `${what.padEnd(36)}${number(ours)} ${unit} ${compared.join(" ")}`.trimEnd();
}

/** Whether every bar is met. */
export function allMet(): boolean {
  return rows.every(({ ours, peers }) =>
    peers.every(({ value, bar }) => bar === undefined || ours / value <= bar),
  );
}

/** All figures, for keeping. */
export function figures(): readonly Row[] {
  return rows;
}
