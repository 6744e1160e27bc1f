/** Handlers that name and remove images. */
import type { LocalEngine } from "../../../engine.ts";
import { CooperError } from "../../../errors.ts";
import { json } from "../../http/reply.ts";
import { filtersOf } from "../../query.ts";
import type { Call, Handler } from "../../route.ts";
import { wordsOf } from "../failure.ts";
import { type Removal, type RemovalError, removalReport } from "../image.ts";
import { listId } from "../manifest.ts";
import { Parameters } from "../parameters.ts";

/** `repo` and `tag`; without `repo` nothing was named. */
function targetOf({ request }: Call): string | undefined {
  const parameters = new Parameters(request.query);
  const [repo, tag] = [parameters.text("repo"), parameters.text("tag")];
  if (repo !== "") return tag === "" ? repo : `${repo}:${tag}`;
  if (tag !== "")
    throw new CooperError("invalid-argument", "repo parameter is required to tag an image");
  return undefined;
}

export const tag: Handler = async (call) => {
  const target = targetOf(call);
  if (target === undefined)
    throw new CooperError("invalid-argument", "repo parameter is required to tag an image");
  await call.engine.images.tag(call.params.name ?? "", [target]);
  return { status: 201 };
};

/** Without a name all go. */
export const untag: Handler = async (call) => {
  const target = targetOf(call);
  await call.engine.images.untag(call.params.name ?? "", target === undefined ? [] : [target]);
  return { status: 201 };
};

export const remove: Handler = async ({ engine, params, request }) => {
  const force = new Parameters(request.query).flag("force");
  const removed = await engine.images.remove(params.name ?? "", { force });
  return json({ ...removalReport({ ...removed, errors: [] }), Errors: [] });
};

/** Many, each for itself: what could not be removed is in the report. */
export const removeMany: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  const isAll = parameters.flag("all");
  const named = parameters.texts("images");
  if (isAll && named.length > 0)
    throw new CooperError("invalid-argument", "name images, or ask for all: only one of them");
  const names = isAll
    ? (await engine.images.list({ all: true })).map(({ image }) => image.id)
    : named;
  const how = {
    force: parameters.flag("force") || isAll,
    keepsParents: parameters.flag("noPrune"),
  };
  const one = parameters.flag("lookupManifest")
    ? (name: string) => removeManifestList(engine, name)
    : (name: string) => engine.images.remove(name, how);
  // with all it went with another one
  const ignoresMissing = parameters.flag("ignore") || isAll;
  return json(removalReport(await removeEach(names, one, ignoresMissing)));
};

type Removed = Pick<Removal, "untagged" | "deleted">;

async function removeEach(
  names: readonly string[],
  one: (name: string) => Promise<Removed>,
  ignoresMissing: boolean,
): Promise<Removal> {
  const removed: Removed[] = [];
  const errors: Removal["errors"][number][] = [];
  for (const name of names) {
    try {
      removed.push(await one(name));
    } catch (error) {
      const kind = kindOf(error);
      if (kind === "missing" && ignoresMissing) continue;
      errors.push({ kind, message: wordsOf(error)[0] });
    }
  }
  return {
    untagged: removed.flatMap(({ untagged }) => untagged),
    deleted: removed.flatMap(({ deleted }) => deleted),
    errors,
  };
}

function kindOf(error: unknown): RemovalError {
  if (!(error instanceof CooperError)) return "other";
  if (error.code === "no-such-image") return "missing";
  return error.code === "conflict" ? "in-use" : "other";
}

/** A list is no image here; to clients it is one. */
export async function removeManifestList(engine: LocalEngine, name: string): Promise<Removed> {
  const list = await engine.manifests.find(name);
  if (list === undefined && (await engine.images.exists(name)))
    throw new CooperError("invalid-argument", `${name}: image is not a manifest list`);
  const untagged = [await engine.manifests.delete(name)];
  return { untagged, deleted: list === undefined ? [] : [listId(list)] };
}

export const prune: Handler = async ({ engine, request }) => {
  const parameters = new Parameters(request.query);
  if (parameters.flag("external"))
    throw new CooperError("not-supported", "external: other tools have stores of their own");
  if (parameters.flag("buildCache"))
    throw new CooperError("not-supported", "buildCache: it is not pruned together with images");
  const filters = filtersOf(request.query);
  const isAll = filters.some((filter) => /^(all=(true|1)|dangling=(false|0))$/.test(filter));
  const sizes = new Map(
    (await engine.images.list({ all: true })).map(({ image }) => [image.id, image.size]),
  );
  const { deleted } = await engine.images.prune({
    all: parameters.flag("all") || isAll,
    filters: filters.filter((filter) => !/^(all|dangling)=/.test(filter)),
  });
  return json(deleted.map((Id) => ({ Id, Size: sizes.get(Id) ?? 0 })));
};
