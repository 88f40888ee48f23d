import { createCache } from '@ant-design/cssinjs';

/**
 * styles keeps Ant Design's styles once they were made. By itself it throws a component's
 * styles away with the last of its kind on the page, to parse them again on the next page
 * that has one: some 20 ms of every navigation, and a new layout of the whole document.
 * Whatever is stored first counts as one user more, so its users never come to zero.
 */
export const styles = createCache();

const update = styles.opUpdate.bind(styles);
styles.opUpdate = (path, change) =>
  update(path, (before) => {
    const after = change(before);
    return !before && after ? [after[0] + 1, after[1]] : after;
  });
