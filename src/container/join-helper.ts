/**
 * Joining through a helper process of the container's own, pasta or slirp4netns: the way of ordinary users
 * where no network is named. The helper ends with the container.
 */
import { closeSync } from "node:fs";
import { basename, join } from "node:path";
import type { Host } from "../host.ts";
import type { Family } from "../network/address.ts";
import { runNft } from "../network/apply.ts";
import {
  addressesSeenBy,
  freeHelperNetwork,
  globalAddresses,
  hasIpv6Route,
} from "../network/host-addresses.ts";
import { hostRanges } from "../network/host-ranges.ts";
import type { PublishedPort } from "../network/model.ts";
import {
  checkPastaWords,
  choosesAddresses,
  forwardedDns,
  mappedHostAddress,
  markedResets,
  NoInterface,
  type OwnAddresses,
  type PastaFeatures,
  senderSettings,
  startPasta,
} from "../network/pasta.ts";
import { holdPorts } from "../network/publish.ts";
import { parseSlirpOptions, slirpAddresses, startSlirp } from "../network/slirp4netns.ts";
import { checkTunDevice } from "../network/tun-device.ts";
import { getContainer, inTransaction } from "../records/containers.ts";
import { addPorts, portsOf } from "../records/leases.ts";
import { releaseNetworking } from "../records/networks.ts";
import { type Daemon, daemonWords, endDaemon, forceDaemon } from "../system/daemon.ts";
import {
  createNetns,
  keepNetns,
  type NetSetting,
  readNetSysctl,
  removeNetns,
  setNetSysctls,
} from "../system/netns.ts";
import { makePipe } from "../system/pipe.ts";
import { needProgram } from "../system/program.ts";
import { writeNetworkFiles } from "./etc-files.ts";
import { asksLoopbackOnly, hostResolv } from "./host-resolvers.ts";
import { portRequests, refuseSctp } from "./join-networks.ts";
import { type JoinedNetworks, type NetworkFacts, noNetwork } from "./networkless.ts";
import { pastaFeatures } from "./pasta-features.ts";
import type { ContainerRecord } from "./record.ts";
import { parseResolv, reachable } from "./resolv-text.ts";
import { hostnameOf } from "./runtime-input.ts";

/** A helper that has been decided on. */
interface Helper {
  /** Settings of the namespace before it. */
  readonly settings: readonly NetSetting[];
  /** Rules of the namespace (nft(8)); "": none. */
  readonly rules: string;
  /**
   * Starts it for the namespace that is mounted at `netns`; resolves once packets are carried, to what a
   * container with this process is told.
   */
  start(): Promise<(pid: number) => NetworkFacts>;
}

/** Joins through pasta or slirp4netns. What cannot be had is an error before anything has started. */
export function joinHelper(
  host: Host,
  container: ContainerRecord,
  mode: "pasta" | "slirp4netns",
): JoinedNetworks {
  const exit = makePipe();
  try {
    checkTunDevice();
    const families: Family[] = mode === "pasta" && hasIpv6Route() ? [4, 6] : [4];
    checkOptions(host, container, mode);
    const ports = takePorts(host, container, families, mode);
    const helper = chooseHelper(host, container, mode, ports, exit.readEnd);
    const { netns } = host.paths.container(container.id);
    // a network namespace belongs to the user namespace it was made in, so the runtime makes both
    const isRuntimes = container.resolved.idMappings !== null;
    const namespace = isRuntimes ? Promise.resolve() : makeNamespace(netns, helper);
    const started = isRuntimes ? undefined : namespace.then(() => helper.start());
    started?.catch(() => undefined); // told to who waits for it; a start that failed elsewhere does not
    const facts = Promise.withResolvers<NetworkFacts>();
    return {
      runtime: isRuntimes ? { kind: "new" } : { kind: "path", path: netns },
      connections: [],
      ports,
      heldDescriptors: [exit.writeEnd],
      namespace,
      ready: Promise.resolve(started).then(() => undefined),
      facts: facts.promise,
      async afterCreate(pid) {
        if (isRuntimes) await takeNamespace(netns, pid, helper);
        const factsFor = await (started ?? helper.start());
        facts.resolve(factsFor(pid));
      },
      [Symbol.dispose]() {
        closeSync(exit.readEnd);
        closeSync(exit.writeEnd);
      },
    };
  } catch (error) {
    closeSync(exit.readEnd);
    closeSync(exit.writeEnd);
    throw error;
  }
}

/** Makes the helper's namespace. The rules are not needed before the container's process runs. */
function makeNamespace(netns: string, { settings, rules }: Helper): Promise<void> {
  const nft = rules === "" ? undefined : { argv: [needProgram("nft"), "-f", "-"], input: rules };
  return createNetns(netns, settings, nft);
}

/** As makeNamespace(), where the runtime has made it. */
async function takeNamespace(netns: string, pid: number, { settings, rules }: Helper) {
  keepNetns(`/proc/${pid}/ns/net`, netns);
  setNetSysctls(netns, settings);
  if (rules !== "") await runNft(netns, rules);
}

/** Its addresses are nobody else's there, and duplicate detection would take a second. */
const withoutDetection: NetSetting = ["ipv6/conf/default/accept_dad", "0"];

/** What was asked of the helper is understood, or refused before anything has started. */
function checkOptions(host: Host, container: ContainerRecord, mode: "pasta" | "slirp4netns"): void {
  if (mode === "pasta") checkPastaWords(pastaWords(host, container));
  else parseSlirpOptions(container.spec.networking.modeOptions);
}

const pastaWords = (host: Host, { spec }: ContainerRecord) => [
  ...host.settings.pastaOptions,
  ...spec.networking.modeOptions,
];

/** @param exitFd slirp4netns lives as long as the other end of it is open; null: until it is ended */
function chooseHelper(
  host: Host,
  container: ContainerRecord,
  mode: "pasta" | "slirp4netns",
  ports: readonly PublishedPort[],
  exitFd: number | null,
): Helper {
  return mode === "pasta"
    ? withPasta(host, container, ports, exitFd)
    : withSlirp(host, container, container.spec.networking.modeOptions, ports, exitFd);
}

function withPasta(
  host: Host,
  container: ContainerRecord,
  ports: readonly PublishedPort[],
  exitFd: number | null,
): Helper {
  const { netns } = host.paths.container(container.id);
  const { pidFile } = helperOf(host, container);
  const words = pastaWords(host, container);
  const features = pastaFeatures(host);
  // the container would have the host's address, and no other would lead to the host
  const own =
    features.mapsGuestAddress || choosesAddresses(words) ? null : freeHelperNetwork(hostRanges());
  return {
    settings: [withoutDetection, ...senderSettings(readNetSysctl("ipv4/tcp_congestion_control"))],
    // newer ones do it right, and would not need the features that these lack
    rules: features.mapsGuestAddress ? "" : markedResets,
    async start() {
      try {
        await startPasta({
          netns,
          pidFile,
          words,
          features,
          ports,
          own,
          link: null,
          forwardsDns: asksLoopbackOnly(),
        });
      } catch (error) {
        if (!(error instanceof NoInterface) || isAsked(container)) throw error;
        host.debug(`slirp4netns takes the place of pasta: ${error.message}`);
        const ipv4 = ports.filter(({ hostAddress }) => !hostAddress.includes(":"));
        return withSlirp(host, container, [], ipv4, exitFd).start();
      }
      return pastaFacts(features, own);
    },
  };
}

/** @param own the addresses that were chosen for the container; null: unknown, or the host's */
function pastaFacts(features: PastaFeatures, own: OwnAddresses | null) {
  return (pid: number): NetworkFacts => ({
    ...noNetwork,
    // what we have chosen need not be asked for; the IPv6 address is the host's
    addresses: own !== null && !hasIpv6Route() ? [own.address] : addressesSeenBy(pid),
    hostAddress: features.mapsGuestAddress ? mappedHostAddress : (globalAddresses()[0] ?? null),
    resolvers: asksLoopbackOnly() ? [forwardedDns] : null,
  });
}

function withSlirp(
  host: Host,
  container: ContainerRecord,
  words: readonly string[],
  ports: readonly PublishedPort[],
  exitFd: number | null,
): Helper {
  const { netns, bundle } = host.paths.container(container.id);
  const { pidFile } = helperOf(host, container);
  const options = parseSlirpOptions(words);
  const { gateway, dns, container: address } = slirpAddresses(options);
  return {
    settings: [withoutDetection],
    rules: "",
    async start() {
      const apiSocket = join(bundle, "slirp"); // as short as the name of the attach socket
      await startSlirp({ netns, pidFile, apiSocket, options, ports }, exitFd);
      return () => ({
        ...noNetwork,
        addresses: [address],
        hostAddress: options.allowsHostLoopback ? gateway : (globalAddresses()[0] ?? null),
        // its own resolver follows the host's; the others are for when it fails
        resolvers: [dns, ...reachable(parseResolv(hostResolv()).servers, false)],
      });
    },
  };
}

/**
 * Starts the helper of a running container again when it was killed, and has the container ask the resolvers
 * that the host asks now; false: it has no helper. (slirp4netns follows the host by itself.)
 */
export async function reloadHelper(host: Host, container: ContainerRecord): Promise<boolean> {
  const mode = container.resolved.networkMode;
  if (mode !== "pasta" && mode !== "slirp4netns") return false;
  const helper = helperOf(host, container);
  const words = daemonWords(helper);
  const isPasta = /^past/.test(basename(words[0] ?? ""));
  // resolvers on the host's loopback are reached through it alone, and it is told of that when it starts
  const isUsable = words.length > 0 && !(isPasta && asksLoopbackOnly() && !forwardsDns(words));
  if (isUsable && !isPasta) return true;
  if (!isUsable) await endDaemon(helper); // one that is being killed has the ports until it is dead
  const factsFor = isUsable
    ? pastaFacts(pastaFeatures(host), null)
    : await chooseHelper(host, container, mode, portsOf(host.database, container.id), null).start();
  writeNetworkFiles(host, container, hostnameOf(host, container), factsFor(container.pid));
  return true;
}

const forwardsDns = (words: readonly string[]) => words.includes("--dns-forward");

/** Whether the user asked for this very helper. */
const isAsked = ({ spec }: ContainerRecord) => spec.networking.mode.kind === "pasta";

/** Notes the ports once they were seen to be free; the helper itself takes them a moment later. */
function takePorts(
  host: Host,
  container: ContainerRecord,
  families: readonly Family[],
  helper: string,
): readonly PublishedPort[] {
  const { database } = host;
  const requests = portRequests(container, true);
  refuseSctp(helper, requests);
  let ports: readonly PublishedPort[] = [];
  inTransaction(database, () => {
    releaseNetworking(database, container.id);
    using held = holdPorts(requests, {
      database,
      containerId: container.id,
      families,
      leadsFromLoopback6: true,
      ipv4Binding: null,
      nameOf: (id) => getContainer(database, id)?.name ?? id.slice(0, 12),
      seenAs: (port) => port,
    });
    ports = held.ports;
    addPorts(database, container.id, ports);
  });
  return ports;
}

/** The helper of a container, if it has one. */
function helperOf(host: Host, { id }: ContainerRecord): Daemon {
  const { netns, bundle } = host.paths.container(id);
  return { pidFile: join(bundle, "network.pid"), mark: netns };
}

/** Ends the helper and lets go of ports and namespace. Every step may have been done already. */
export async function leaveHelper(host: Host, container: ContainerRecord): Promise<void> {
  // whose ports are to be taken again must have let go of them; the rest the kernel does without us
  const hasPorts = portsOf(host.database, container.id).length > 0;
  await (hasPorts ? endDaemon : forceDaemon)(helperOf(host, container));
  releaseNetworking(host.database, container.id);
  removeNetns(host.paths.container(container.id).netns);
}
