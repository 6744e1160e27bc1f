/** What a build tells, as BuildKit's clients draw it: vertices, their states and their output. */
import { createHash } from "node:crypto";
import type { Progress, StepKey, ToldStep } from "../../build/progress.ts";
import { encode, type FieldValue } from "./protobuf.ts";

/** Fields of StatusResponse. */
const kinds = { vertex: 1, status: 2, log: 3, warning: 4 } as const;

/** A message of StatusResponse. */
export type TakeStatus = (message: Buffer) => void;

type Fields = readonly (readonly [number, FieldValue])[];

interface Vertex {
  readonly digest: string;
  readonly inputs: readonly string[];
  name: string;
  started: Buffer | undefined;
}

/** google.protobuf.Timestamp */
function now(): Buffer {
  const ms = Date.now();
  return encode([1, Math.floor(ms / 1000)], [2, (ms % 1000) * 1_000_000]);
}

/** @param scope of the words that stand for what is no step: other builds have them too */
export function buildStatus(scope: string, take: TakeStatus): Progress {
  const vertices = new Map<StepKey, Vertex>();
  const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
  const vertexOf = (key: StepKey, title = ""): Vertex => {
    const found = vertices.get(key) ?? {
      digest: digestOf(`${scope} ${key}`),
      inputs: [],
      name: title,
      started: undefined,
    };
    vertices.set(key, found);
    if (title !== "") found.name = title;
    return found;
  };
  const tell = (kind: keyof typeof kinds, fields: Fields) =>
    take(encode([kinds[kind], encode(...fields)]));
  const show = ({ digest, inputs, name, started }: Vertex, more: Fields = []) =>
    tell("vertex", [
      [1, digest],
      ...inputs.map((input): readonly [number, string] => [2, input]),
      [3, name],
      [5, started],
      ...more,
    ]);
  const ended = (key: StepKey, more: Fields = []) => {
    const vertex = vertices.get(key);
    if (vertex?.started !== undefined) show(vertex, [...more, [6, now()]]);
  };
  const warn = (message: string) =>
    tell("warning", [
      [1, vertexOf("definition").digest],
      [2, 1],
      [3, Buffer.from(message)],
    ]);
  return {
    planned(steps: readonly ToldStep[]) {
      for (const { key, title, inputs, facts } of steps) {
        // what stands for the same work in two builds is shown once
        const below = inputs.flatMap((input) => vertices.get(input)?.digest ?? []);
        const digest = digestOf(JSON.stringify([facts, below]));
        const vertex = { digest, inputs: below, name: title, started: undefined };
        vertices.set(key, vertex);
        show(vertex);
      }
    },
    started(key, title) {
      const vertex = vertexOf(key, title);
      vertex.started ??= now();
      show(vertex);
    },
    output(key, bytes) {
      tell("log", [
        [1, vertexOf(key).digest],
        [2, now()],
        [3, 1],
        [4, bytes],
      ]);
    },
    status(key, part, text) {
      const vertex = vertexOf(key);
      tell("status", [
        [1, part],
        [2, vertex.digest],
        [3, /^done$|^$/.test(text) ? part : `${part} ${text.replace(/ ?done$/, "")}`],
        [6, now()],
        [7, vertex.started ?? now()],
        ...(text.endsWith("done") ? [[8, now()] as const] : []),
      ]);
    },
    cached(key, title) {
      const vertex = vertexOf(key, title);
      vertex.started ??= now();
      show(vertex, [
        [4, true],
        [6, now()],
      ]);
    },
    done: (key) => ended(key),
    failed(key, title, message) {
      const vertex = vertexOf(key, title);
      vertex.started ??= now();
      ended(key, [[7, message]]);
    },
    cancelled: (key) => ended(key, [[7, "context canceled"]]),
    warned: warn,
    note: warn,
    end: () => undefined,
  };
}
