// The fleet's clock: the server's time, carried on by the page's own clock at the server's speed.

let server = { ms: 0, speed: 1 }, heard = 0;

export function setClock(ms, speed) {
  server = { ms, speed };
  heard = performance.now();
}

/** Milliseconds since 1970. */
export const clockNow = () => server.ms + (performance.now() - heard) * server.speed;

export const clockSpeed = () => server.speed;
