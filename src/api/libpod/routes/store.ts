/** Handlers about the store as a whole. */
import { json } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Handler } from "../../route.ts";
import { Parameters } from "../parameters.ts";
import { pruneReport, usageReport } from "../usage.ts";

export const diskUsage: Handler = async ({ engine }) =>
  json(usageReport(await engine.system.usage()));

export const prune: Handler = async ({ engine, request: { query } }) => {
  const parameters = new Parameters(query);
  const pruned = await engine.system.prune({
    all: parameters.flag("all"),
    volumes: parameters.flag("volumes"),
    filters: filtersOf(query),
  });
  return json(pruneReport(pruned));
};

/** What was found is told under one name: our findings are sentences that name the object themselves. */
export const check: Handler = async ({ engine, request }) => {
  const { signal } = request;
  const parameters = new Parameters(request.query);
  const damage: string[] = [];
  const mended: string[] = [];
  const removes = parameters.flag("repair_lossy");
  await engine.system.check({
    isQuick: parameters.flag("quick"),
    repairs: removes || parameters.flag("repair"),
    removes,
    signal,
    onFinding: (finding) => (finding.mended === null ? damage : mended).push(finding.text),
  });
  return json({
    Errors: damage.length > 0,
    Layers: damage.length > 0 ? { store: damage } : null,
    ROLayers: null,
    RemovedLayers: mended.length > 0 ? { store: mended } : null,
    Images: null,
    ROImages: null,
    RemovedImages: null,
    Containers: null,
    RemovedContainers: null,
  });
};
