// A place where an image is looked at by tiles, with a rough view of a large one before they are there.

// The viewer adds a style sheet unless it finds one; our policy allows an empty one alone.
const theirs = document.createElement("style");
theirs.setAttribute("data-openseadragon-mobile-css", "ours");
document.head.append(theirs);

export function makeStage(element) {
  const viewer = OpenSeadragon({
    element,
    showNavigationControl: false,
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.35,
    minZoomImageRatio: 0.8,
    maxZoomPixelRatio: 24,
    visibilityRatio: 0.3,
    imageSmoothingEnabled: false,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true, scrollToZoom: true },
    crossOriginPolicy: false,
    drawer: "canvas",
  });
  viewer.innerTracker.keyDownHandler = null;
  viewer.innerTracker.keyHandler = null;
  viewer.canvas.setAttribute("tabindex", "-1");
  return viewer;
}

// ``where``: the address of a tile up to its level; ``query``: what follows it.
export function tilesOf({ width, height, tile, levels }, where, query) {
  return {
    width,
    height,
    tileSize: tile,
    tileOverlap: 0,
    minLevel: Math.max(0, levels - Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / 256)))),
    maxLevel: levels,
    getTileUrl: (level, x, y) => `${where}/${level}/${x}/${y}.png?${query}`,
  };
}

// Lay the rough view below all else; it goes when the returned function is called.
export function showRough(viewer, { width, height, limits }, channel) {
  const { rough } = limits[channel === "colour" ? 1 : channel];
  if (!rough) return null;
  const { url, part } = rough;
  const across = Math.ceil(width / part);
  let layer = null;
  let unwanted = false;
  viewer.addTiledImage({
    tileSource: { type: "image", url, buildPyramid: false },
    index: 0,
    x: 0,
    y: 0,
    width: (across * part) / width,
    clip: new OpenSeadragon.Rect(0, 0, width / part, height / part),
    success: ({ item }) => {
      layer = item;
      if (unwanted) viewer.world.removeItem(item);
      else viewer.element.dataset.rough = "shown";
    },
  });
  return () => {
    unwanted = true;
    delete viewer.element.dataset.rough;
    if (layer && viewer.world.getIndexOfItem(layer) >= 0) viewer.world.removeItem(layer);
  };
}
