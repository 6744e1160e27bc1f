/** Progress for programs: a JSON object a line, the SolveStatus of BuildKit's client (client/graph.go). */
import type { Progress, StepKey, ToldStep } from "../../build/progress.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";

interface Vertex {
  readonly digest: Digest;
  readonly inputs: readonly Digest[];
  readonly name: string;
  readonly started: string | undefined;
  readonly completed: string | undefined;
}

/** @param now the time of day */
export function rawjsonProgress(
  write: (text: string) => void,
  now: () => Date = () => new Date(),
): Progress {
  const vertices = new Map<StepKey, Vertex>();
  const statuses = new Map<string, string>();
  const tell = (status: object) => write(`${JSON.stringify(status)}\n`);
  const moment = () => now().toISOString();
  const plan = ({ key, title, inputs, facts }: ToldStep): Vertex => {
    const digests = inputs.flatMap((input) => vertices.get(input)?.digest ?? []);
    const digest = digestOf(JSON.stringify([key, facts, digests]));
    const vertex = {
      digest,
      inputs: digests,
      name: title,
      started: undefined,
      completed: undefined,
    };
    vertices.set(key, vertex);
    return vertex;
  };
  const update = (key: StepKey, title: string, ends: boolean, more: object = {}) => {
    const known = vertices.get(key) ?? plan({ key, title, inputs: [], facts: title });
    const vertex = {
      ...known,
      started: known.started ?? moment(),
      completed: ends ? moment() : undefined,
    };
    vertices.set(key, vertex);
    tell({ vertexes: [{ ...vertex, ...more }] });
  };
  const digestOfStep = (key: StepKey) => vertices.get(key)?.digest;
  return {
    planned: (steps) => tell({ vertexes: steps.map(plan) }),
    started: (key, title) => update(key, title, false),
    output: (key, bytes) =>
      tell({
        logs: [
          {
            vertex: digestOfStep(key),
            stream: 1,
            data: Buffer.from(bytes).toString("base64"),
            timestamp: moment(),
          },
        ],
      }),
    status(key, part, text) {
      const started = statuses.get(`${key} ${part}`) ?? moment();
      statuses.set(`${key} ${part}`, started);
      const isDone = text === "done" || text.endsWith(" done");
      tell({
        statuses: [
          {
            id: part,
            vertex: digestOfStep(key),
            name: text,
            timestamp: moment(),
            started,
            ...(isDone && { completed: moment() }),
          },
        ],
      });
    },
    cached: (key, title) => update(key, title, true, { cached: true }),
    done: (key) => update(key, "", true),
    failed: (key, title, error) => update(key, title, true, { error }),
    cancelled(key) {
      const known = vertices.get(key);
      if (known?.started === undefined || known.completed !== undefined) return;
      update(key, known.name, true, { error: "context canceled" });
    },
    warned: (message) => tell({ warnings: [{ level: 1, short: base64(message) }] }),
    note: (message) => tell({ warnings: [{ level: 1, short: base64(message) }] }),
    end: () => undefined,
  };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
