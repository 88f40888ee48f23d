import type { ThemeConfig } from 'antd';
import { theme } from 'antd';

// Ant Design's own colours fail WCAG's contrast on ordinary pages; with these, axe finds
// nothing serious in either theme.
const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif";
const shared = {
  fontFamily: font,
  fontFamilyCode: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace",
  borderRadius: 6,
};

// A key of its own lets the styles of both stay in the page (see styles.ts).
const light: ThemeConfig = {
  cssVar: { key: 'alcedo-light' },
  algorithm: theme.defaultAlgorithm,
  token: {
    ...shared,
    colorPrimary: '#0958d9', colorLink: '#0958d9', colorLinkHover: '#003eb3', colorInfo: '#0958d9',
    colorError: '#cf1322', colorErrorBg: '#fff1f0', colorErrorBorder: '#ffa39e',
    colorSuccess: '#237804', colorSuccessBg: '#f6ffed', colorSuccessBorder: '#b7eb8f',
    colorWarning: '#ad4e00', colorWarningBg: '#fffbe6', colorWarningBorder: '#ffe58f',
    colorTextPlaceholder: '#6b7280', colorTextTertiary: '#5f6672', colorTextDescription: '#5f6672',
    colorBgLayout: '#f5f7fa',
  },
  components: {
    Layout: { headerBg: '#ffffff', siderBg: '#ffffff', headerHeight: 52, headerPadding: '0 16px' },
    Button: { defaultHoverColor: '#0958d9', defaultHoverBorderColor: '#0958d9', colorPrimaryHover: '#0b4ec0' },
  },
};

const dark: ThemeConfig = {
  cssVar: { key: 'alcedo-dark' },
  algorithm: theme.darkAlgorithm,
  token: {
    ...shared,
    colorPrimary: '#1668dc', colorLink: '#69b1ff', colorInfo: '#79b8ff', colorInfoBg: '#111a2c', colorBgLayout: '#0d0e11',
    colorError: '#ff8a8e', colorErrorBg: '#2c1618',
    colorTextPlaceholder: 'rgba(255,255,255,.55)', colorTextTertiary: 'rgba(255,255,255,.65)', colorTextDescription: 'rgba(255,255,255,.65)',
  },
  components: {
    Layout: { headerBg: '#141414', siderBg: '#141414', headerHeight: 52, headerPadding: '0 16px' },
    Tabs: { itemSelectedColor: '#69b1ff', inkBarColor: '#69b1ff', itemHoverColor: '#91caff' },
    Button: { dangerColor: '#1f0a0b', defaultHoverColor: '#69b1ff', defaultHoverBorderColor: '#69b1ff', colorPrimaryHover: '#1a5fc4' },
    Pagination: { itemActiveColor: '#69b1ff' },
    Menu: { darkItemSelectedBg: '#15417e', itemSelectedColor: '#8fc5ff' },
  },
};

// Without motion its keys differ too: tokens of both would stand under one.
const still = (t: ThemeConfig, key: string): ThemeConfig => ({ ...t, cssVar: { key }, token: { ...t.token, motion: false } });
const quiet = { light: still(light, 'alcedo-light-still'), dark: still(dark, 'alcedo-dark-still') };

/** themeOf is the theme for a reader's settings. */
export const themeOf = (s: { dark: boolean; still: boolean }): ThemeConfig => (s.still ? quiet : { light, dark })[s.dark ? 'dark' : 'light'];
