/**
 * The store beside Podman's: lists of 1,000 images with 10,000 layers, and a Debian committed, exported
 * and saved. Usage, as root: bun bench/store.ts [--rounds N] [--images N] [--only debian,lists].
 * Exit status 0 when the bars are met.
 */
import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Engine, must, mustInShell, openCooper, openPodman } from "./engines.ts";
import { busyboxTar, debianArchives } from "./images.ts";
import { allMet, compare } from "./measure.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "11" },
    images: { type: "string", default: "1000" },
    only: { type: "string", default: "debian,lists" },
    cache: { type: "string", default: resolve(import.meta.dir, "../build/bench") },
  },
});
const rounds = Number(values.rounds);
const images = Number(values.images);
const layersEach = 10;

const directory = mkdtempSync("/tmp/bench-");
const hex = (text: string) => createHash("sha256").update(text).digest("hex");
const layerIds = (image: number) =>
  Array.from({ length: layersEach }, (_, index) => hex(`layer ${image} ${index}`));

/**
 * Loading 10,000 layers would take Podman an hour: both stores get records that are copies of those of
 * an image that was loaded, under other names. Lists read nothing but records.
 */
function multiplyCooper(engine: Engine, from: number, to: number): void {
  const database = new Database(join(engine.root, "cooper.db"));
  const fill = database.transaction(() => {
    const [id] = (database
      .query(
        "select id from image where id in (select image_id from reference where name = 'localhost/bench:latest')",
      )
      .values()[0] ?? []) as string[];
    for (let image = from; image < to; image++) {
      const copy = hex(`image ${image}`);
      const copyRow =
        "insert into image select ?, config, manifest_digest, size, created_at - ?, added_at, parent_id from image where id = ?";
      database.query(copyRow).run(copy, image, id ?? "");
      database
        .query("insert into reference values (?, ?)")
        .run(`example.com/image-${image}:1`, copy);
      layerIds(image).forEach((layer, position) => {
        const layerRow =
          "insert into layer (id, size, tar_size, is_exact, created_at) values (?, 1000, 2048, 1, 0)";
        database.query(layerRow).run(layer);
        database.query("insert into image_layer values (?, ?, ?)").run(copy, position, layer);
      });
    }
  });
  fill.immediate();
  database.close();
}

type Json = Record<string, unknown>;

function multiplyPodman(engine: Engine, from: number, to: number): void {
  const read = (file: string) =>
    JSON.parse(readFileSync(join(engine.root, file), "utf8")) as Json[];
  const [imagesFile, layersFile] = ["overlay-images/images.json", "overlay-layers/layers.json"];
  const [allImages, allLayers] = [read(imagesFile), read(layersFile)];
  const [image, layer] = [allImages[0], allLayers[0]];
  if (image === undefined || layer === undefined) throw new Error("podman has no image");
  const data = join(engine.root, "overlay-images", `${image.id}`);
  for (let index = from; index < to; index++) {
    const id = hex(`image ${index}`);
    const ids = layerIds(index);
    const name = `example.com/image-${index}:1`;
    allImages.push({ ...image, id, names: [name], "names-history": [name], layer: ids.at(-1) });
    mkdirSync(join(engine.root, "overlay-images", id));
    for (const file of readdirSync(data))
      writeFileSync(join(engine.root, "overlay-images", id, file), readFileSync(join(data, file)));
    ids.forEach((layerId, position) => {
      const digest = `sha256:${layerId}`;
      const parent = position === 0 ? {} : { parent: ids[position - 1] };
      allLayers.push({ ...layer, ...parent, id: layerId, "diff-digest": digest });
    });
  }
  writeFileSync(join(engine.root, imagesFile), JSON.stringify(allImages));
  writeFileSync(join(engine.root, layersFile), JSON.stringify(allLayers));
}

/** Podman's lists grow with the square: 100 s for 1,000 images, so that is measured once. */
function lists(engines: readonly [Engine, Engine]): void {
  const few = Math.min(100, images);
  const fifth = { podman: 0.2 };
  const row = (what: string, times: number, args: readonly string[]) =>
    compare(what, times, engines, fifth, (engine) => must(engine, args));
  multiply(engines, 0, few);
  row(`images, of ${few}`, rounds, ["images"]);
  row(`images -q, of ${few}`, rounds, ["images", "-q"]);
  row(`images --filter, of ${few}`, rounds, [
    "images",
    "--filter",
    "reference=example.com/image-7",
  ]);
  multiply(engines, few, images);
  row(`images, of ${images}`, 1, ["images"]);
}

function multiply([cooper, podman]: readonly [Engine, Engine], from: number, to: number): void {
  multiplyCooper(cooper, from, to);
  multiplyPodman(podman, from, to);
}

/** A Debian with a few hundred changed files. */
function debian(engines: readonly Engine[]): void {
  const archives = debianArchives(values.cache);
  if (archives === null) return;
  const times = Math.max(3, Math.floor(rounds / 3));
  const change = "cp -a /usr/share/doc /changed; rm -r /usr/share/man; chmod 700 /opt";
  for (const engine of engines) {
    must(engine, ["load", "-i", archives.docker]);
    must(engine, [
      ..."run --network none --name c localhost/debian:bench sh -c".split(" "),
      change,
    ]);
  }
  const one = (args: readonly string[]) => (engine: Engine) => must(engine, args);
  compare("commit of changes in a Debian", times, engines, {}, one(["commit", "-q", "c", "made"]));
  compare("diff of changes in a Debian", times, engines, {}, one(["diff", "c"]));
  compare("export of a Debian", times, engines, {}, (engine) =>
    mustInShell(engine, "$ENGINE export c | cat > /dev/null"),
  );
  compare("save of a Debian, docker-archive", times, engines, {}, (engine) =>
    mustInShell(engine, "$ENGINE save localhost/debian:bench | cat > /dev/null"),
  );
  compare("save of a Debian, oci-archive, gzip", times, engines, {}, (engine) => {
    const out = join(directory, `${engine.name}.tar`);
    rmSync(out, { force: true });
    return must(engine, [
      "save",
      "-q",
      "--format",
      "oci-archive",
      "-o",
      out,
      "localhost/debian:bench",
    ]);
  });
}

const engines = [
  openCooper(join(directory, "cooper")),
  openPodman(join(directory, "podman")),
] as const;
try {
  if (values.only.includes("debian")) debian(engines);
  const tar = busyboxTar(directory);
  for (const engine of engines) {
    must(engine, ["rm", "-fa"]);
    must(engine, ["rmi", "-fa"]);
    must(engine, ["import", tar, "localhost/bench"]);
  }
  if (values.only.includes("lists")) lists(engines);
} finally {
  for (const engine of engines.toReversed()) await engine.close();
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = allMet() ? 0 : 1;
