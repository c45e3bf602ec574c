// Package signintest has people sign in to the real program through identity providers: a
// certified one, and one that forges its answers.
package signintest
