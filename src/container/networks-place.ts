/** Making, connecting and giving up the network namespace of an ordinary user's networks. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CooperError, errnoName } from "../errors.ts";
import type { Host } from "../host.ts";
import { runIp, runNft } from "../network/apply.ts";
import { hasIpv6Route } from "../network/host-addresses.ts";
import type { PublishedPort } from "../network/model.ts";
import { NoInterface, startPasta } from "../network/pasta.ts";
import {
  carried,
  mostSlots,
  outwardAddresses,
  outwardLink,
  placeRuleset,
  placeSettings,
  type WayIn,
  wayIn,
  wayInElement,
  wayInLines,
  wayInRule,
} from "../network/place.ts";
import { checkTunDevice } from "../network/tun-device.ts";
import { liveMembers } from "../records/networks.ts";
import { type Daemon, daemonPid, endDaemon } from "../system/daemon.ts";
import { createNetns, isNetns, keepNetns, removeNetns } from "../system/netns.ts";
import { asksLoopbackOnly } from "./host-resolvers.ts";

/** No packet of theirs is to be copied, so nothing is mapped: the host has addresses of its own. */
const plain = { words: [], features: { mapsGuestAddress: false } } as const;

/** Makes the namespace where it is missing. Does nothing for root, whose networks are the machine's. */
export async function ensurePlace(host: Host): Promise<void> {
  if (!host.isRootless) return;
  const { place } = host.paths;
  if (isNetns(place)) return;
  using _lock = await host.locks.place();
  if (isNetns(place)) return;
  // others take it for complete as soon as it has its name
  const staged = `${place}.new`;
  await createNetns(staged, placeSettings);
  await Promise.all([runIp(staged, ["link set dev lo up"]), runNft(staged, placeRuleset)]);
  keepNetns(staged, place);
  removeNetns(staged);
}

const outward = ({ paths }: Host): Daemon => {
  const pidFile = join(paths.run, "outward.pid");
  return { pidFile, mark: pidFile };
};

/** Leads out of the namespace, unless something does already. */
export async function openWayOut(host: Host): Promise<void> {
  if (!host.isRootless || daemonPid(outward(host)) !== undefined) return;
  using _lock = await host.locks.place();
  if (daemonPid(outward(host)) !== undefined) return;
  await endDaemon(outward(host)); // one that is being killed has its link until it is dead
  checkTunDevice();
  try {
    await startPasta({
      ...plain,
      netns: host.paths.place,
      pidFile: outward(host).pidFile,
      ports: [],
      own: ownAddresses(outwardAddresses),
      link: outwardLink,
      forwardsDns: asksLoopbackOnly(),
    });
  } catch (error) {
    // containers still reach each other; the next one that starts tries again
    if (!(error instanceof NoInterface)) throw error;
    host.debug(`nothing leads out of this machine: ${error.message}`);
  }
}

/** pasta refuses IPv6 addresses where the host has no way out for them. */
function ownAddresses({ ipv6, ...own }: WayIn["own"]): WayIn["own"] {
  return ipv6 !== undefined && hasIpv6Route() ? { ...own, ipv6 } : own;
}

/** The pasta of a container's ports. */
function waysInDaemon({ paths }: Host, containerId: string): Daemon {
  const pidFile = join(paths.container(containerId).bundle, "ports.pid");
  return { pidFile, mark: pidFile };
}

/** Leads published ports of the host into the namespace, where the firewall leads them on. */
export async function openWayIn(
  host: Host,
  containerId: string,
  ports: readonly PublishedPort[],
): Promise<void> {
  if (!host.isRootless || ports.length === 0) return;
  checkTunDevice();
  const { place } = host.paths;
  const way = wayIn(takeSlot(host, containerId));
  const own = ownAddresses(way.own);
  const families = own.ipv6 === undefined ? ([4] as const) : ([4, 6] as const);
  await startPasta({
    ...plain,
    netns: place,
    pidFile: waysInDaemon(host, containerId).pidFile,
    ports: ports.map(carried),
    own,
    link: way.link,
    configuresLink: false,
    forwardsDns: false,
  });
  await Promise.all([
    runIp(place, wayInLines(way, own.ipv6 !== undefined)),
    ...families.map((family) =>
      runIp(place, [wayInRule(way)], { harmless: /File exists/, family }),
    ),
    runNft(place, wayInElement(way)),
  ]);
}

/** As openWayIn(), unless they are led in already. */
export async function reopenWayIn(
  host: Host,
  containerId: string,
  ports: readonly PublishedPort[],
): Promise<void> {
  if (daemonPid(waysInDaemon(host, containerId)) !== undefined) return;
  await closeWayIn(host, containerId);
  await openWayIn(host, containerId, ports);
}

/** Ends what led a container's ports in. */
export async function closeWayIn(host: Host, containerId: string): Promise<void> {
  if (!host.isRootless) return;
  await endDaemon(waysInDaemon(host, containerId));
  for (const slot of slotsOf(host, containerId)) rmSync(join(slotsIn(host), slot), { force: true });
}

const slotsIn = ({ paths }: Host) => join(paths.run, "ways-in");

/** Takes the lowest free number; the file that stands for it names its holder. */
function takeSlot(host: Host, containerId: string): number {
  const directory = slotsIn(host);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (let slot = 1; slot <= mostSlots; slot++) {
    try {
      writeFileSync(join(directory, `${slot}`), containerId, { flag: "wx" });
      return slot;
    } catch (error) {
      if (errnoName(error) !== "EEXIST") throw error;
    }
  }
  throw new CooperError("no-space", `${mostSlots} containers publish ports already`);
}

function slotsOf(host: Host, containerId: string): string[] {
  const directory = slotsIn(host);
  try {
    return readdirSync(directory).filter(
      (slot) => readFileSync(join(directory, slot), "utf8") === containerId,
    );
  } catch (error) {
    if (errnoName(error) === "ENOENT") return []; // nobody has published, or one has just let go
    throw error;
  }
}

/** Gives the namespace up when nobody is in a network any more, with all that is in it. */
export async function leavePlace(host: Host): Promise<void> {
  if (!host.isRootless || liveMembers(host.database).length > 0) return;
  using _lock = await host.locks.place();
  // asked again: one that starts notes its addresses first, and then makes what is missing
  if (liveMembers(host.database).length > 0) return;
  await endDaemon(outward(host));
  removeNetns(host.paths.place);
}
