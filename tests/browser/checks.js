// What the tests ask a page: what sticks out of it, what the keyboard must reach, how the element in focus looks.
window.checks = (() => {
  const PARTS = [null, "::before", "::after"];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const text = (element) => {
    const words = element.innerText || element.getAttribute("aria-label") || element.textContent;
    return words.replace(/\s+/g, " ").trim().slice(0, 40);
  };
  const name = (element) => {
    const id = element.id ? `#${element.id}` : "";
    const named = element.getAttribute("name") ? `[name=${element.getAttribute("name")}]` : "";
    return `${element.localName}${id}${named} "${text(element)}"`;
  };
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  const within = (element, holds) => {
    for (let one = element.parentElement; one; one = one.parentElement) if (holds(one)) return true;
    return false;
  };

  // What assistive technology finds the page's parts by. A header or footer of a part of the page is no landmark.
  const SECTIONS = "article, aside, main, nav, section";
  const landmarks = (role, element) =>
    [...document.querySelectorAll(`${element}, [role=${role}]`)].filter(
      (one) => shown(one) && (one.getAttribute("role") === role || !one.parentElement.closest(SECTIONS)),
    ).length;
  // Fonts that the page is written in and whose files aren't there.
  const missing = () => {
    const plain = (family) => family.replaceAll('"', "").trim();
    const first = (one) => plain(getComputedStyle(one).fontFamily.split(",")[0]);
    const used = new Set([...document.querySelectorAll("body *")].map(first));
    const failed = [...document.fonts].filter((font) => font.status === "error").map((font) => plain(font.family));
    return [...new Set(failed)].filter((family) => used.has(family));
  };
  const frame = () => ({
    title: document.title.trim(),
    lang: document.documentElement.lang,
    h1: [...document.querySelectorAll("h1")].filter((one) => shown(one) && text(one)).length,
    main: landmarks("main", "main"),
    banner: landmarks("banner", "header"),
    contentinfo: landmarks("contentinfo", "footer"),
    missing: missing(),
  });

  // Elements whose box or whose words reach beyond the right edge, but for those that scroll in a box of their own.
  const sticking = () => {
    const width = document.documentElement.clientWidth;
    const right = (element) => {
      const box = element.getBoundingClientRect();
      if (box.width <= 1 || box.height <= 1) return 0;
      const spills = element instanceof HTMLElement && getComputedStyle(element).overflowX === "visible";
      return Math.max(box.right, spills ? box.left + element.scrollWidth : 0);
    };
    const sticks = (one) => shown(one) && right(one) > width + 1 && !within(one, scrolls);
    const all = [...document.body.querySelectorAll("*")].filter(sticks);
    const innermost = all.filter((one) => !all.some((other) => other !== one && one.contains(other)));
    return {
      scrolls: document.documentElement.scrollWidth > width,
      elements: innermost.map((one) => `${name(one)} to ${Math.round(right(one))}`),
    };
  };

  // Radio buttons of one name are one stop.
  const stop = (element) => (element.type === "radio" ? `radio ${element.name}` : element);
  const focusable = () =>
    [...document.querySelectorAll("a[href], button, input, select, textarea, summary, iframe, [tabindex], [contenteditable]")]
      .filter((one) => one.tabIndex >= 0 && !one.disabled && one.type !== "hidden" && shown(one));

  // Where the ring of an element may be drawn: around it, or around the label that is drawn in its place.
  const drawn = (element) => [element, ...(element.labels || [])];
  const ring = (element) =>
    drawn(element).flatMap((one) => PARTS.map((part) => {
      const style = getComputedStyle(one, part);
      const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
      return `${outline ? style.outline : ""}/${style.boxShadow === "none" ? "" : style.boxShadow}`;
    })).join();

  const inView = (element) => drawn(element).some((one) =>
    [...one.getClientRects()].some((box) => {
      const [left, right] = [Math.max(box.left, 0), Math.min(box.right, innerWidth)];
      const [top, bottom] = [Math.max(box.top, 0), Math.min(box.bottom, innerHeight)];
      if (right - left < 1 || bottom - top < 1) return false;
      const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      return there !== null && (one.contains(there) || there.contains(one));
    }));

  let before = new Map();
  let unreached = new Map();

  // Begins to go through the page by keyboard; how many stops there must be.
  const begin = () => {
    document.activeElement?.blur();
    const all = focusable();
    before = new Map(all.map((one) => [one, ring(one)]));
    unreached = new Map(all.map((one) => [stop(one), one]));
    return unreached.size;
  };

  // What is wrong with how the focus is shown now, how many stops are left, and whether it is inside of a frame.
  const focused = () => {
    const element = document.activeElement;
    const nowhere = !element || element === document.body || element === document.documentElement;
    if (nowhere) return { faults: [], left: unreached.size, inside: false };
    unreached.delete(stop(element));
    // What has the focus is in a page of its own, which shows it.
    if (element.localName === "iframe") return { faults: [], left: unreached.size, inside: true };
    const now = ring(element);
    const faults = [];
    if (now === before.get(element) || !/[^/,]/.test(now)) faults.push("shows no focus");
    if (!inView(element)) faults.push("is out of view or covered");
    return { faults: faults.map((fault) => `${name(element)} ${fault}`), left: unreached.size, inside: false };
  };

  const missed = () => [...unreached.values()].map((one) => `${name(one)} is not reached by keyboard`);

  return { frame, sticking, begin, focused, missed };
})();
