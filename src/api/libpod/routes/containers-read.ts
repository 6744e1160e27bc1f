/** Handlers that look at containers. */
import { json, jsonLines, noContent, type Reply } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { containerItem, inspectedContainer } from "../container.ts";
import { libpodRefused, wordsOf } from "../failure.ts";
import { Parameters } from "../parameters.ts";
import { statsReport } from "../stats.ts";

export const list: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  const filters = filtersOf(request.query);
  const last = parameters.number("last") ?? 0;
  const limit = last > 0 ? last : (parameters.number("limit") ?? 0);
  const showsAll =
    parameters.flag("all") || last > 0 || filters.some((filter) => filter.startsWith("status="));
  const wanted = (await engine.containers.list(filters)).filter(
    ({ isActive }) => showsAll || isActive,
  );
  const shown = limit > 0 ? wanted.slice(-limit) : wanted;
  const sizes = parameters.flag("size") ? await engine.containers.sizes(shown) : undefined;
  const showsNamespaces = parameters.flag("namespace");
  return json(
    shown.map((summary) =>
      containerItem(summary, { size: sizes?.get(summary.record.id), showsNamespaces }),
    ),
  );
};

export const inspect: Handler = async ({ engine, params, request, version }) => {
  const record = await engine.containers.get(params.name ?? "");
  const document = await engine.containers.inspect(record.id);
  const shown = {
    ...inspectedContainer(record, document, version),
    ExecIDs: await engine.sessions.runningExecs(record.id),
  };
  if (!new Parameters(request.query).flag("size")) return json(shown);
  const summaries = await engine.containers.list([`id=${record.id}`]);
  const size = (await engine.containers.sizes(summaries)).get(record.id);
  return json({ ...shown, SizeRw: size?.writable ?? 0, SizeRootFs: size?.total ?? 0 });
};

export const exists: Handler = async ({ engine, params }) => {
  await engine.containers.get(params.name ?? "");
  return noContent;
};

export const top: Handler = async ({ engine, params, request }) => {
  const { signal } = request;
  const parameters = new Parameters(request.query);
  const words = parameters.texts("ps_args");
  const { id } = await engine.containers.get(params.name ?? "");
  const look = async () => {
    const { headings, rows } = await engine.containers.top(id, words);
    return { Processes: rows, Titles: headings };
  };
  const first = await look();
  if (!parameters.flag("stream")) return json(first);
  const delayMs = Math.max(parameters.number("delay") ?? 5, 1) * 1000;
  return jsonLines(
    (async function* () {
      yield first;
      for (;;) {
        await Bun.sleep(delayMs);
        const isRunning = (await engine.containers.sample(id))?.isRunning ?? false;
        if (signal.aborted || !isRunning) return;
        yield await look();
      }
    })(),
  );
};

/** Whether its restart policy is about to start it again; clients ask before they remove what has ended. */
export const shouldRestart: Handler = async ({ engine, params }) => {
  const { id, name } = await engine.containers.get(params.name ?? "");
  const [summary] = await engine.containers.list([`id=${id}`]);
  return summary?.state === "restarting"
    ? noContent
    : libpodRefused(404, `container ${name} is not to be started again`);
};

export const showMounted: Handler = async ({ engine }) => {
  const mounted = await engine.containers.mounted();
  return json(Object.fromEntries(mounted.map(({ id, path }) => [id, path])));
};

/** Of those that are named, or of all that run. */
export const statsOfMany: Handler = async ({ engine, request }): Promise<Reply> => {
  const { signal } = request;
  const parameters = new Parameters(request.query);
  const names = parameters.texts("containers");
  const lines = await engine.containers.stats(names.length > 0 ? names : null, {
    all: parameters.flag("all"),
    intervalMs: Math.max(parameters.number("interval") ?? 5, 1) * 1000,
    firstIntervalMs: 250,
  });
  const documents = (async function* () {
    try {
      for await (const rows of lines) {
        if (signal.aborted) return;
        yield { Error: null, Stats: rows.map(statsReport) };
      }
    } catch (error) {
      // the answer has begun: clients look for a failure here
      yield { Error: wordsOf(error)[0], Stats: null };
    }
  })();
  if (parameters.flag("stream", true)) return jsonLines(documents);
  for await (const document of documents) return json(document);
  return json({ Error: null, Stats: [] });
};

export const checkHealth: Handler = async ({ engine, params }) => {
  const name = params.name ?? "";
  const { exitCode } = await engine.containers.checkHealth(name);
  const { State } = await engine.containers.inspect(name);
  const { Health } = State as { Health: { Status: string; FailingStreak: number } };
  return json({ ...Health, Status: exitCode === 0 ? "healthy" : "unhealthy", Log: null });
};
