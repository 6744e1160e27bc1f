/** Handlers that look at containers. */

import { CooperError } from "../../errors.ts";
import { changeItem } from "../docker/change.ts";
import { inspected, listItem } from "../docker/container.ts";
import { ownContainer } from "../docker/read-container.ts";
import { statsDocument } from "../docker/stats.ts";
import { json, jsonLines } from "../http/reply.ts";
import { own } from "../ours.ts";
import { filtersOf, isTrue, wholeNumber } from "../query.ts";
import type { Handler } from "../route.ts";

export const list: Handler = async ({ engine, request, version }) => {
  const { query } = request;
  const filters = filtersOf(query);
  const limit = wholeNumber(query, "limit") ?? 0;
  const showsAll =
    isTrue(query, "all") || limit > 0 || filters.some((filter) => /^(status|exited)=/.test(filter));
  const wanted = (await engine.containers.list(filters))
    .filter(({ isActive }) => showsAll || isActive)
    .reverse();
  const shown = limit > 0 ? wanted.slice(0, limit) : wanted;
  const sizes = isTrue(query, "size") ? await engine.containers.sizes(shown) : undefined;
  const volumePath = engine.volumes.path;
  return json(
    shown.map((summary) => ({
      ...listItem(summary, volumePath, sizes?.get(summary.record.id), version),
      ...own(request, () => ownContainer(summary)),
    })),
  );
};

export const inspect: Handler = async ({ engine, params, request, version }) => {
  const record = await engine.containers.get(params.id ?? "");
  const document = await engine.containers.inspect(record.id);
  const execs = await engine.sessions.runningExecs(record.id);
  const shown = {
    ...inspected(record, document, engine.volumes.path, version),
    ExecIDs: execs.length > 0 ? execs : null,
    ...own(request, () => document),
  };
  if (!isTrue(request.query, "size")) return json(shown);
  const summaries = (await engine.containers.list([`id=${record.id}`])).filter(
    (summary) => summary.record.id === record.id,
  );
  const size = (await engine.containers.sizes(summaries)).get(record.id);
  return json({ ...shown, SizeRw: size?.writable ?? 0, SizeRootFs: size?.total ?? 0 });
};

export const top: Handler = async ({ engine, params, request }) => {
  const words = (request.query.get("ps_args") ?? "-ef").split(/\s+/).filter((word) => word !== "");
  const { headings, rows } = await engine.containers.top(params.id ?? "", words);
  return json({ Titles: headings, Processes: rows });
};

export const changes: Handler = async ({ engine, params }) => {
  const found = await engine.containers.changes(params.id ?? "");
  return json(found.length === 0 ? null : found.map(changeItem));
};

export const stats: Handler = async ({ engine, params, request, version }) => {
  const { query, signal } = request;
  const isStream = isTrue(query, "stream", true);
  const isOneShot = isTrue(query, "one-shot");
  if (isStream && isOneShot)
    throw new CooperError("invalid-argument", "cannot have stream=true and one-shot=true");
  const { id } = await engine.containers.get(params.id ?? "");
  const documents = statsDocuments();
  if (isStream) return jsonLines(documents);
  for await (const document of documents) return json(document);
  throw new CooperError("no-such-container", `no such container: ${params.id}`);

  async function* statsDocuments() {
    let before: Parameters<typeof statsDocument>[1];
    for (let count = 0; !signal.aborted; count++) {
      if (count > 0) await Bun.sleep(1000);
      const sample = await engine.containers.sample(id);
      if (sample === undefined) return;
      // a single answer compares two moments, unless that is refused
      if (count > 0 || isStream || isOneShot || !sample.isRunning)
        yield {
          ...statsDocument(sample, before, version),
          ...own(request, () => ({ startedAtMs: sample.startedAtMs })),
        };
      if (!isStream && !sample.isRunning) return;
      before = sample;
    }
  }
};
