/** Filters of `volume ls` and `volume prune`: docker-volume-ls(1), podman-volume-ls(1). */
import { type FilterTests, filterBy, filterPattern, filterTruth, hasPair } from "../filter.ts";
import { parseMoment } from "../moment.ts";
import type { VolumeRecord } from "../records/volumes.ts";

/** A volume, and how many containers use it. */
export interface VolumeSummary {
  readonly volume: VolumeRecord;
  readonly users: number;
}

/** As it is listed, wherever it is. */
export interface ListedVolume extends VolumeSummary {
  readonly mountpoint: string;
}

const tests: FilterTests<VolumeSummary> = {
  anonymous: ({ volume }, value) => volume.isAnonymous === filterTruth(value),
  dangling: ({ users }, value) => (users === 0) === filterTruth(value),
  driver: (_, value) => value === "local",
  label: ({ volume }, value) => hasPair(volume.labels, value),
  "label!": ({ volume }, value) => !hasPair(volume.labels, value),
  name: ({ volume }, value) => filterPattern(value).test(volume.name),
  opt: ({ volume }, value) => hasPair(volume.options, value),
  scope: (_, value) => value === "local",
  after: ({ volume }, value) => volume.createdAt > parseMoment(value),
  since: ({ volume }, value) => volume.createdAt > parseMoment(value),
  until: ({ volume }, value) => volume.createdAt < parseMoment(value),
};

/** @throws CooperError invalid-argument */
export function volumeFilter(filters: readonly string[]): (summary: VolumeSummary) => boolean {
  return filterBy(filters, tests);
}
