/**
 * Every path that Cooper writes to. Two trees; everything else in the code asks here.
 *
 *     ROOT  /var/lib/cooper, or $XDG_DATA_HOME/cooper
 *       cooper.db                     records; what has no row in it is rubbish
 *       lock/NAME                     flock files: store, and one per object in long work
 *       ballast                       holds space for removals on a full disk, and nothing else
 *       staging/ID/                   half-done loads and pulls, each under a flock of its maker
 *       partial/HEX/                  a layer that is being pulled, by its blob's digest; outlives who pulls it
 *       blobs/sha256/HEX              manifests and configs
 *       layers/ID/diff/, tar.zst      an unpacked changeset, and the bytes of its tar that are no file's content
 *       layers/ID/displaced/          what later entries of the tar took the place of, where there is any
 *       containers/ID/upper/, work/   what a container changed; log, files made for its /etc
 *       frozen/ID/                    what a container had changed at some moment; nobody writes to it any more
 *       volumes/NAME/_data
 *       caches/HEX-N/                 what RUN --mount=type=cache keeps, by the digest of its id
 *       events/events.log             what happened, a line each; the file before it is events.log.1
 *     RUN   /run/cooper, or $XDG_RUNTIME_DIR/cooper: gone at reboot
 *       c/ID/                         the bundle: config.json, merged/, pid files, attach socket, exit file
 *       x/CONTAINER-SESSION/          exec sessions: short, since a socket is in it
 *       v/NAME                        volumes that `volume mount` keeps mounted
 *       s/STAGE-N/                    secrets of a build, while a command sees them
 *       m/ID/                         images that are mounted to be looked at
 *       runtime/                      state of the OCI runtime
 *       netns/ID                      network namespaces of running containers, bind mounts of nsfs
 *       netns/networks                rootless: the one that bridges are in
 *       names/NETWORK                 what the names service answers, a file a network
 *       pause.pid                     rootless: keeps the user and mount namespace
 */
import { join } from "node:path";

export interface Paths {
  readonly root: string;
  readonly run: string;
  readonly database: string;
  readonly locks: string;
  readonly staging: string;
  readonly partials: string;
  readonly blobs: string;
  /** Holds space for removals on a full disk. */
  readonly ballast: string;
  readonly layers: string;
  readonly containers: string;
  readonly frozen: string;
  readonly volumes: string;
  readonly events: string;
  readonly bundles: string;
  readonly runtimeState: string;
  readonly execs: string;
  readonly pausePid: string;
  /** Mount point of the network namespace in which an ordinary user's networks are. */
  readonly place: string;
  readonly names: string;
  /** Where images are mounted, each in a directory by its id. */
  readonly imageMounts: string;
  /** Directories of RUN --mount=type=cache. */
  readonly caches: string;
  readonly buildSecrets: string;
  blob(hex: string): string;
  partial(hex: string): PartialPaths;
  layer(id: string): LayerPaths;
  /** A frozen tree, in overlay form. */
  frozenTree(id: string): string;
  container(id: string): ContainerPaths;
  volume(name: string): string;
  /** Marks a volume that `volume mount` keeps mounted. */
  volumeHold(name: string): string;
}

export interface PartialPaths {
  readonly directory: string;
  /** Its flock tells that somebody pulls it. */
  readonly lock: string;
  /** Bytes of the blob, from its beginning. */
  readonly blob: string;
  /** Becomes the layer's directory. */
  readonly layer: string;
  /** Says what `layer` is, once that is whole. */
  readonly result: string;
}

export interface LayerPaths {
  readonly directory: string;
  readonly diff: string;
  /** zstd of the tar stream without the contents of regular files. */
  readonly tarHeaders: string;
  /** What the tar has and the tree has not; missing for nearly every layer. */
  readonly displaced: string;
}

export interface ContainerPaths {
  readonly directory: string;
  readonly upper: string;
  readonly work: string;
  /** All of it, image and changes, where the driver `vfs` copied it. */
  readonly tree: string;
  readonly log: string;
  /** What criu wrote of its processes last. */
  readonly checkpoint: string;
  /** Those that were given a name, a directory each. */
  readonly checkpoints: string;
  /** hosts, resolv.conf, hostname, passwd, group and so on, bound over the image's. */
  readonly files: string;
  readonly bundle: string;
  readonly merged: string;
  readonly config: string;
  readonly pidFile: string;
  readonly conmonPidFile: string;
  readonly attachSocket: string;
  readonly ctl: string;
  /** Directory in which conmon writes the exit status, in a file named by the id. */
  readonly exits: string;
  readonly exitFile: string;
  readonly oomFile: string;
  readonly shm: string;
  /** Where its network namespace is mounted, when the engine has made one. */
  readonly netns: string;
}

/** What is in the directory of a layer, which is not yet in its place while the layer is unpacked. */
export function layerPaths(directory: string): LayerPaths {
  return {
    directory,
    diff: join(directory, "diff"),
    tarHeaders: join(directory, "tar.zst"),
    displaced: join(directory, "displaced"),
  };
}

/** `root` and `run` are absolute. */
export function pathsUnder(root: string, run: string): Paths {
  const containers = join(root, "containers");
  const frozen = join(root, "frozen");
  const bundles = join(run, "c");
  const layers = join(root, "layers");
  const volumes = join(root, "volumes");
  const blobs = join(root, "blobs", "sha256");
  return {
    root,
    run,
    database: join(root, "cooper.db"),
    locks: join(root, "lock"),
    staging: join(root, "staging"),
    partials: join(root, "partial"),
    blobs,
    ballast: join(root, "ballast"),
    layers,
    containers,
    frozen,
    volumes,
    events: join(root, "events", "events.log"),
    bundles,
    runtimeState: join(run, "runtime"),
    execs: join(run, "x"),
    pausePid: join(run, "pause.pid"),
    place: join(run, "netns", "networks"),
    names: join(run, "names"),
    imageMounts: join(run, "m"),
    caches: join(root, "caches"),
    buildSecrets: join(run, "s"),
    blob: (hex) => join(blobs, hex),
    partial(hex) {
      const directory = join(root, "partial", hex);
      return {
        directory,
        lock: `${directory}.lock`,
        blob: join(directory, "blob"),
        layer: join(directory, "layer"),
        result: join(directory, "layer.json"),
      };
    },
    layer(id) {
      return layerPaths(join(layers, id));
    },
    frozenTree: (id) => join(frozen, id),
    container(id) {
      const directory = join(containers, id);
      const bundle = join(bundles, id);
      return {
        directory,
        upper: join(directory, "upper"),
        work: join(directory, "work"),
        tree: join(directory, "tree"),
        log: join(directory, "ctr.log"),
        checkpoint: join(directory, "checkpoint"),
        checkpoints: join(directory, "checkpoints"),
        files: join(directory, "files"),
        bundle,
        merged: join(bundle, "merged"),
        config: join(bundle, "config.json"),
        pidFile: join(bundle, "pid"),
        conmonPidFile: join(bundle, "conmon.pid"),
        attachSocket: join(bundle, "attach"),
        ctl: join(bundle, "ctl"),
        exits: join(bundle, "exits"),
        exitFile: join(bundle, "exits", id),
        oomFile: join(bundle, "oom"),
        shm: join(bundle, "shm"),
        netns: join(run, "netns", id),
      };
    },
    volume: (name) => join(volumes, name, "_data"),
    volumeHold: (name) => join(run, "v", name),
  };
}
