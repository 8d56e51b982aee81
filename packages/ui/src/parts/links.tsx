/** Mantine's links and buttons that know the page's routes: a wrong address or parameter does not compile. */
import { Anchor, type AnchorProps, Button, type ButtonProps, NavLink, type NavLinkProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import { type AnchorHTMLAttributes, forwardRef } from 'react';

type Native<Props> = Props & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof Props>;

export const LinkAnchor = createLink(forwardRef<HTMLAnchorElement, Native<AnchorProps>>((props, ref) => <Anchor ref={ref} {...props} />));
export const LinkButton = createLink(
  forwardRef<HTMLAnchorElement, Native<ButtonProps>>((props, ref) => <Button component="a" ref={ref} {...props} />),
);
export const LinkNav = createLink(
  forwardRef<HTMLAnchorElement, Native<NavLinkProps>>((props, ref) => <NavLink component="a" ref={ref} {...props} />),
);
